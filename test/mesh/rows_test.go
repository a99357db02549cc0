package mesh_test

import (
	"fmt"
	"path/filepath"

	"github.com/tlstrace/tlstrace/event"
)

// The verdicts of what did not fail. What carries no TLS is noise: the application's view of a connection that its sidecar encrypts.
const (
	succeeded = "succeeded - - established - - -"
	noTLS     = "noise scan noise preface - - -"
)

// wrongPort is one where nobody listens.
const wrongPort = 15016

var scenarios = []scenario{
	{
		name: "healthy", play: charge, proof: "charged\n200",
		told: func(m *mesh) []truth { return []truth{m.outer(noTLS), m.inner(succeeded)} },
	},
	{
		name: "healthy, nginx", setup: setup{nginx: true}, play: charge, proof: "charged\n200",
		told: func(m *mesh) []truth { return []truth{m.outer(noTLS), m.inner(succeeded)} },
	},
	{
		name: "healthy, PERMISSIVE lets plaintext in", setup: setup{permissive: true},
		play: func(m *mesh) string { return charge(m) + intrude(m) }, proof: "(?s)charged\n200.*charged\n200",
		told: func(m *mesh) []truth { return []truth{m.inner(succeeded), m.direct(noTLS)} },
	},
	{
		name: "healthy, TLS of the application's own and plaintext", play: passes, proof: "(?s)charged\n200.*charged\n200",
		told: func(m *mesh) []truth { return []truth{m.passed(succeeded), m.outer(noTLS), m.inner(succeeded)} },
	},
	{
		name: "what leaves is refused", setup: setup{outbound: wrongPort}, play: charge, proof: "^000\n.*connect to",
		told: func(m *mesh) []truth {
			return []truth{m.outer("failed redirect_refused redirect connect network client exact").refused("127.0.0.1")}
		},
	},
	{
		name: "what leaves is refused, IPv6", setup: setup{outbound: wrongPort}, play: charge6, proof: "^000\n.*connect to",
		told: func(m *mesh) []truth {
			w := m.outer("failed redirect_refused redirect connect network client exact").refused("[::1]")
			w.from, w.dialed = m.client.address6, at(m.service6, appPort)
			return []truth{w}
		},
	},
	{
		name: "what arrives is refused", setup: setup{inbound: wrongPort}, play: charge, proof: "^503",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed redirect_refused redirect connect network server exact").refused(m.server.address)}
		},
	},
	{
		name: "what arrives is refused, nginx", setup: setup{inbound: wrongPort, nginx: true}, play: charge, proof: "502",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed redirect_refused redirect connect network server exact").refused(m.server.address)}
		},
	},
	{
		name: "what arrives is refused, IPv6", setup: setup{inbound: wrongPort}, play: intrude6, proof: "^000\n.*connect to",
		told: func(m *mesh) []truth {
			w := m.direct("failed redirect_refused redirect connect network server exact").refused("[" + m.server.address6 + "]")
			w.from, w.dialed = m.legacy.address6, at(m.server.address6, appPort)
			return []truth{w}
		},
	},
	{
		name: "what leaves meets no TLS", setup: setup{nginx: true}, play: chargeTLS, proof: "wrong version number",
		told: func(m *mesh) []truth {
			return []truth{m.outer("failed redirect_not_tls redirect client_hello server|client client derived")}
		},
	},
	{
		name: "what arrives meets no TLS", setup: setup{inbound: metricsPort}, play: charge, proof: "^503",
		told: func(m *mesh) []truth {
			w := m.inner("failed redirect_not_tls redirect client_hello server|client server derived")
			w.to, w.server = at(m.server.address, metricsPort), "payments"
			return []truth{m.outer(noTLS), w}
		},
	},
	{
		name: "plaintext meets STRICT", play: func(m *mesh) string { return charge(m) + intrude(m) },
		proof: "(?s)charged\n200.*000\n.*reset by peer",
		told: func(m *mesh) []truth {
			return []truth{m.inner(succeeded), m.direct("failed plaintext_to_tls protocol client_hello server client inferred")}
		},
	},
	{
		name: "a server by the CA of another trust domain", setup: setup{imposter: true}, play: charge, proof: "^503",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed unknown_ca certificate server_certificate client server exact")}
		},
	},
	{
		name: "a server of another trust domain by the same CA", setup: setup{wanted: "old.example"}, play: charge, proof: "^503",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed bad_certificate certificate server_certificate client server exact")}
		},
	},
	{
		name: "a client by the CA of another trust domain", setup: setup{stranger: true}, play: charge, proof: "^000\n.*Empty reply",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed unknown_ca certificate client_certificate server client exact")}
		},
	},
	{
		name: "a client without a certificate", setup: setup{anonymous: true}, play: charge, proof: "^000\n.*Empty reply",
		told: func(m *mesh) []truth {
			return []truth{m.outer(noTLS), m.inner("failed client_certificate_required certificate client_certificate server client exact")}
		},
	},
}

// payments is what the sidecars' SNI says.
var payments = &event.Mesh{Direction: "outbound", Service: "payments.shop.svc.cluster.local", Port: 8080, Subset: "v1"}

// charge asks the service as the application does, by the service's own address.
func charge(m *mesh) string { return m.curl(m.client, "http://"+at(m.service, appPort)) }

func charge6(m *mesh) string { return m.curl(m.client, "http://"+at(m.service6, appPort)) }

func chargeTLS(m *mesh) string { return m.curl(m.client, "https://"+at(m.service, appPort)) }

// intrude asks the server from a pod without a sidecar.
func intrude(m *mesh) string { return m.curl(m.legacy, "http://"+at(m.server.address, appPort)) }

func intrude6(m *mesh) string { return m.curl(m.legacy, "http://"+at(m.server.address6, appPort)) }

// passes asks a server with TLS of its own and then the service: both go through the same port of the sidecar.
func passes(m *mesh) string {
	id := m.domain.workload(m.t, "own-"+m.service)
	own := m.legacy.start(role("app"), filepath.Join(m.dir, "payments"), id.cert, id.key)
	m.legacy.await(own, securePort)
	return m.curl(m.client, "https://"+at(m.legacy.address, securePort)) + charge(m)
}

// outer is the connection that the application makes: it is led to its own sidecar.
func (m *mesh) outer(verdict string) truth {
	return truth{verdict, m.client.address, at("127.0.0.1", outboundPort), at(m.service, appPort), "curl", m.sidecar(), nil}
}

// inner is the connection between the sidecars.
func (m *mesh) inner(verdict string) truth {
	server := m.server.address
	return truth{verdict, m.client.address, at(server, inboundPort), at(server, appPort), m.sidecar(), m.sidecar(), payments}
}

// direct is the connection from the pod without a sidecar.
func (m *mesh) direct(verdict string) truth {
	server := m.server.address
	return truth{verdict, m.legacy.address, at(server, inboundPort), at(server, appPort), "curl", m.sidecar(), nil}
}

// passed is a connection of the application's own TLS, led to the sidecar.
func (m *mesh) passed(verdict string) truth {
	w := m.outer(verdict)
	w.dialed = at(m.legacy.address, securePort)
	return w
}

// refused is the same to a port of that host where nobody listens: nobody is there to be named, and nothing was said.
func (want truth) refused(host string) truth {
	want.to, want.server, want.mesh = fmt.Sprintf("%s:%d", host, wrongPort), "", nil
	return want
}

func (m *mesh) sidecar() string {
	if m.nginx {
		return "nginx"
	}
	return "sidecar"
}
