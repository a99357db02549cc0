package verdict

import (
	"net/netip"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// arrives says where the client connected to, and where the connection arrived.
func arrives(dialed, server string) func(*event.Event) {
	return func(e *event.Event) {
		at := netip.MustParseAddrPort(server)
		e.Server.Addr, e.Server.Port = at.Addr(), at.Port()
		e.TCP.Dialed = netip.MustParseAddrPort(dialed)
	}
}

func TestRedirect(t *testing.T) {
	refused := connecting(event.CloseRefused, "ECONNREFUSED", 0, 0.001)
	const plain = "C:client_hello/512 S:plain/120 S:FIN C:FIN"
	judgeRows(t, []row{
		{"what leaves, and no proxy", "", "", both(refused, arrives("10.96.0.10:443", "127.0.0.1:15001")), "failed redirect_refused connect network client exact"},
		{"what leaves over IPv6", "", "", both(refused, arrives("[fd00::10]:443", "[::1]:15001")), "failed redirect_refused connect network client exact"},
		{"what arrives, and no proxy", "", "", both(refused, arrives("10.1.2.3:8443", "10.1.2.3:15006")), "failed redirect_refused connect network server exact"},
		{"a load balancer, and no server", "", "", both(refused, arrives("10.96.0.10:443", "10.1.2.3:8443")), "failed connection_refused connect server server exact"},
		{"loopback to loopback", "", "", both(refused, arrives("127.0.0.2:443", "127.0.0.1:8443")), "failed connection_refused connect server server exact"},

		{"a proxy that expects plaintext", "", plain, arrives("10.1.2.3:8443", "10.1.2.3:15006"), "failed redirect_not_tls client_hello server server derived"},
		{"its own", "", plain, arrives("10.96.0.10:443", "127.0.0.1:15001"), "failed redirect_not_tls client_hello server client derived"},
		{"plaintext to a sidecar that takes both", "", "C:plain/79 S:plain/124 C:FIN", both(badRequest, arrives("10.1.2.3:8080", "10.1.2.3:15006")), "noise scan preface - - -"},
		{"plaintext beside the application's own TLS", "", "C:plain/79 S:plain/124 S:FIN", both(listener(event.PrefaceHTTP), arrives("10.96.0.10:80", "127.0.0.1:15001")), "noise scan preface - - -"},
		{"plaintext to a sidecar of which only the server's end was seen", "", "C:plain/79 S:plain/124 C:FIN", func(e *event.Event) {
			listener(event.PrefaceHTTP)(e)
			e.Server.Port, e.TCP.BadRequest = 15006, true
		}, "noise scan preface - - -"},
		{"plaintext to STRICT", "", "C:plain/79 S:RST", both(listener(event.PrefaceHTTP), arrives("10.1.2.3:8080", "10.1.2.3:15006")), "failed plaintext_to_tls client_hello server client inferred"},
		{"a plaintext server behind a load balancer", "", plain, arrives("10.96.0.10:443", "10.1.2.3:8080"), "failed tls_to_plaintext client_hello server client derived"},
	})
}
