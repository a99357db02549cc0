package lint

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

func portChecks() []Check {
	return []Check{
		{
			ID: "TLT0801", Name: "served-port-excluded-from-sidecar", Severity: Error, Topic: TopicPort,
			Summary: "A Service leads to a port that an annotation takes from the sidecar, while clients send mutual TLS to it.",
			Explain: "excludeInboundPorts and includeInboundPorts change the redirect in the pod only. Istio does not know of them when it configures clients: they send mutual TLS to every port of a pod with a sidecar, " +
				"and here the application gets the ClientHello (istio.io/about/faq/security, auto mTLS and excludeInboundPorts).",
			Fix:   "Set the port to DISABLE in portLevelMtls of a PeerAuthentication, or send plaintext by a DestinationRule with DISABLE for the port; or take the port out of the annotation.",
			Needs: []Kind{KindService, KindPeerAuthentication, KindDestinationRule, KindNamespace},
			Run:   checkExcludedInbound,
		},
		{
			ID: "TLT0802", Name: "strict-port-excluded-at-client", Severity: Warning, Topic: TopicPort,
			Summary: "A workload takes from its sidecar an outbound port on which servers of the mesh accept only mutual TLS.",
			Explain: "excludeOutboundPorts lets connections to that port leave without the proxy, to any server: as the application speaks, without the mesh's certificate. A STRICT server resets them. " +
				"Whether the workload calls such a server is not known here.",
			Fix:   "Remove the port, or exclude the addresses that are meant by excludeOutboundIPRanges.",
			Needs: []Kind{KindService, KindPeerAuthentication, KindNamespace},
			Run:   checkExcludedOutbound,
		},
		{
			ID: "TLT0803", Name: "probe-fails-under-strict", Severity: Error, Topic: TopicPort,
			Summary: "A probe goes straight to a port that accepts only mutual TLS.",
			Explain: "The kubelet has no certificate of the mesh. Istio rewrites probes so that the sidecar's agent answers them (istio.io/docs/ops/configuration/mesh/app-health-check), also those with the scheme HTTPS; with " +
				"sidecar.istio.io/rewriteAppHTTPProbers: \"false\" it does not, and a STRICT port ends the handshake or the plaintext request. A tcpSocket probe succeeds anyway, and says nothing.",
			Fix:   "Remove the annotation, or make the port PERMISSIVE in portLevelMtls.",
			Needs: []Kind{KindPeerAuthentication, KindNamespace},
			Run:   checkProbes,
		},
		{
			ID: "TLT0804", Name: "tls-port-declared-http", Severity: Warning, Topic: TopicPort,
			Summary: "A Service declares a port as HTTP on which the application serves HTTPS.",
			Explain: "A probe with the scheme HTTPS says that the application serves TLS on the port. A Service that names the port http (or sets such an appProtocol) makes proxies parse what clients send as HTTP: a " +
				"ClientHello is answered with an error, and plain HTTP reaches an application that expects TLS.",
			Fix:   "Name the port https (or tls), or let clients' proxies originate TLS by a DestinationRule.",
			Needs: []Kind{KindService, KindDestinationRule, KindNamespace},
			Run:   checkDeclaredHTTP,
		},
	}
}

func checkExcludedInbound(w *World, report Report) {
	peers, rules := NewPeerPolicies(w), NewRules(w)
	for _, o := range w.Workloads {
		if o.Membership != InSidecar || !w.Mesh.AutoMTLS {
			continue
		}
		for _, s := range w.ServicesOf(o) {
			for _, port := range s.Spec.Ports {
				number, ok := o.servedPort(port)
				in, known := peers.Inbound(o, number)
				if !ok || !known || in.Bypass == "" || in.Policy.Port(number) == Disable {
					continue
				}
				t := rules.For(Client{Namespace: s.Namespace}, w.HostOf(s), s.Namespace).TLS(uint32(port.Port), "")
				if t.Settings != nil {
					continue // explicit: sent as meant, or TLT0404's
				}
				report(Finding{Object: o.Ref, Field: annotationField(o, in.Bypass), Related: []Ref{s.Ref}, Message: fmt.Sprintf(
					"%s keeps port %d from its sidecar (%s), but %s:%d leads there, and clients of the mesh send mutual TLS to it, which the application gets",
					titled(o.Meta), number, in.Bypass, w.HostOf(s), port.Port)})
			}
		}
	}
}

func checkExcludedOutbound(w *World, report Report) {
	var strict map[uint32][]*Service
	for _, o := range w.Workloads {
		ports, valid := portList(o.PodAnnotations[excludeOutbound])
		if !valid || len(ports) == 0 || o.Membership != InSidecar {
			continue
		}
		if strict == nil {
			strict = w.strictPorts()
		}
		for _, port := range ports {
			servers := slices.DeleteFunc(slices.Clone(strict[port]), func(s *Service) bool { return slices.Contains(w.WorkloadsOf(s), o) })
			if len(servers) == 0 {
				continue
			}
			related := refs{}
			var names []string
			for _, s := range servers {
				related.add(s.Ref)
				names = append(names, w.HostOf(s))
			}
			report(Finding{Object: o.Ref, Field: annotationField(o, excludeOutbound), Related: related, Message: fmt.Sprintf(
				"%s sends what goes to port %d past its sidecar, but %s accept only mutual TLS on that port", titled(o.Meta), port, few(names))})
		}
	}
}

// strictPorts returns the services by those of their ports that lead to a STRICT sidecar. In ambient mode the server's ztunnel refuses
// plaintext too.
func (w *World) strictPorts() map[uint32][]*Service {
	peers := NewPeerPolicies(w)
	found := map[uint32][]*Service{}
	for _, s := range w.Services {
		for _, p := range s.Spec.Ports {
			for _, o := range w.WorkloadsOf(s) {
				number, ok := o.servedPort(p)
				if in, known := peers.Inbound(o, number); ok && known && in.Proxied && in.Mode == Strict {
					found[uint32(p.Port)] = append(found[uint32(p.Port)], s)
					break
				}
			}
		}
	}
	return found
}

func checkProbes(w *World, report Report) {
	const rewrite = "sidecar.istio.io/rewriteAppHTTPProbers"
	peers := NewPeerPolicies(w)
	for _, o := range w.Workloads {
		if o.Membership != InSidecar || o.PodAnnotations[rewrite] != "false" {
			continue
		}
		for _, p := range probesOf(o) {
			number, ok := p.port(o)
			in, known := peers.Inbound(o, number)
			if !ok || !known || p.scheme == "tcp" || !in.Proxied || in.Mode != Strict {
				continue
			}
			related := refs{}
			if by, _ := in.Policy.PolicyOf(number); by != nil {
				related.add(by.Ref)
			}
			report(Finding{Object: o.Ref, Field: o.Field(p.field), Related: related, Message: fmt.Sprintf(
				"%s is probed by %s on port %d, which accepts only mutual TLS by %s, and %s: \"false\" keeps the probe from being rewritten",
				titled(o.Meta), p.scheme, number, in.Policy.Source(number), rewrite)})
		}
	}
}

func checkDeclaredHTTP(w *World, report Report) {
	rules := NewRules(w)
	for _, o := range w.Workloads {
		if o.Membership == Unclear {
			continue
		}
		served := map[uint32]probe{}
		for _, p := range probesOf(o) {
			if number, ok := p.port(o); ok && p.scheme == "https" {
				served[number] = p
			}
		}
		if len(served) == 0 {
			continue
		}
		for _, s := range w.ServicesOf(o) {
			for i, port := range s.Spec.Ports {
				number, ok := o.servedPort(port)
				p, https := served[number]
				if protocol := protocolOf(port); !ok || !https || !slices.Contains([]string{"HTTP", "HTTP2", "GRPC"}, protocol) {
					continue
				}
				t := rules.For(Client{Namespace: s.Namespace}, w.HostOf(s), s.Namespace).TLS(uint32(port.Port), "")
				if t.Settings.GetMode() == v1alpha3.ClientTLSSettings_SIMPLE || t.Settings.GetMode() == v1alpha3.ClientTLSSettings_MUTUAL {
					continue
				}
				report(Finding{Object: s.Ref, Field: fmt.Sprintf("spec.ports[%d].%s", i, declaredIn(port.AppProtocol)), Related: []Ref{o.Ref}, Message: fmt.Sprintf(
					"Service %s declares port %d as %s, but %s serves HTTPS on its port %d (%s)", nameOf(s.Meta), port.Port, strings.ToLower(protocolOf(port)),
					titled(o.Meta), number, o.Field(p.field))})
			}
		}
	}
}

func declaredIn(appProtocol *string) string {
	if appProtocol != nil {
		return "appProtocol"
	}
	return "name"
}
