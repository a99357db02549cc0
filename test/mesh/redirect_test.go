package mesh_test

import "fmt"

// The ports of a sidecar (https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio).
const (
	outboundPort = 15001
	inboundPort  = 15006
)

// proxyUID is the user that sidecars run as, whose own traffic is not redirected.
const proxyUID = 1337

// istioRules are those of istio-init: what leaves goes to one port of the sidecar, what arrives to another.
const istioRules = `
table inet istio
delete table inet istio
table inet istio {
	chain output {
		type nat hook output priority -100;
		meta skuid %d return
		ip daddr 127.0.0.0/8 return
		ip6 daddr ::1 return
		meta l4proto tcp redirect to :%d
	}
	chain prerouting {
		type nat hook prerouting priority -100;
		meta l4proto tcp redirect to :%d
	}
}
`

// rules spells istioRules with the ports that they lead to.
func rules(outbound, inbound int) string { return fmt.Sprintf(istioRules, proxyUID, outbound, inbound) }

// redirect sets where the pod's rules lead.
func (p *pod) redirect(outbound, inbound int) {
	p.t.Helper()
	command(p.t, rules(outbound, inbound), "nsenter", "--net=/run/netns/"+p.netns, "nft", "-f", "-")
}
