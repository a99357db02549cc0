package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestTLS12(t *testing.T) {
	judgeRows(t, []row{
		{"full handshake", "TLS 1.2", flight12 + keys12 + done12 + "C:app/100 S:app/200 S:alert/26 S:FIN", nil, succeededRow},
		{"closed after both Finished", "TLS 1.2", flight12 + keys12 + done12 + "C:alert/26 C:FIN", nil, succeededRow},
		{"reset after both Finished", "TLS 1.2", flight12 + keys12 + done12 + "S:RST", nil, succeededRow},
		{"ticket before the server's CCS", "TLS 1.2", flight12 + keys12 + "S:new_session_ticket/186 " + done12 + "C:FIN", nil, succeededRow},
		{"resumed: the server finishes first", "TLS 1.2", "C:client_hello/400 S:server_hello/97 S:ccs S:hs/40 C:ccs C:hs/40 C:app/50 C:FIN", resumed, succeededRow},
		{"resumed, refused by the client", "TLS 1.2", "C:client_hello/400 S:server_hello/97 S:ccs S:hs/40 C:ccs C:alert/26 C:FIN", resumed, "failed key_mismatch finished client server inferred"},
		{"resumed, client leaves", "TLS 1.2", "C:client_hello/400 S:server_hello/97 S:ccs S:hs/40 C:FIN", resumed, "failed closed_by_client finished client client derived"},
		{"server data seen though the middle is missing", "TLS 1.2", flight12 + "C:gap(trail) S:gap(trail) C:app/50 S:app/60 C:FIN", nil, succeededRow},
		{"encrypted record that looks like a hello", "TLS 1.2", flight12 + "C:client_key_exchange/37 C:ccs C:client_hello/40 S:ccs S:server_hello/40 C:FIN", nil, succeededRow},
		{"client certificate accepted", "TLS 1.2", asked12 + cert12 + done12 + "C:FIN", nil, succeededRow},
		{"certificate optional and absent", "TLS 1.2", asked12 + none12 + done12 + "C:app/42 S:app/413 S:FIN", nil, succeededRow},

		{"unknown authority", "TLS 1.2", flight12 + "C:alert(2,48) C:FIN", nil, "failed unknown_ca server_certificate client server exact"},
		{"client leaves with the certificate before it", "TLS 1.2", flight12 + "C:FIN", nil, serverCertQ},
		{"flight in one record, client leaves", "TLS 1.2", "C:client_hello/215 S:server_hello/3200 C:FIN", nil, serverCertQ},
		{"client resets with the certificate before it", "TLS 1.2", flight12 + "C:RST", nil, "failed reset_by_client server_certificate client client derived"},
		{"client leaves in the middle of the flight", "TLS 1.2", "C:client_hello/215 S:server_hello/93 C:FIN", nil, "failed closed_by_client server_hello client client derived"},
		{"server leaves in the middle of its flight", "TLS 1.2", "C:client_hello/215 S:server_hello/93 S:FIN", nil, "failed closed_by_server server_hello server server derived"},
		{"server stalls in the middle of its flight", "TLS 1.2", "C:client_hello/215 S:server_hello/93 +4000ms C:FIN", nil, "failed handshake_timeout server_hello client server derived"},
		{"client stalls with the certificate before it", "TLS 1.2", flight12 + "+4000ms S:RST", nil, "failed handshake_timeout server_certificate server client derived"},

		{"no certificate, handshake_failure", "TLS 1.2", asked12 + none12 + "S:alert(2,40) S:FIN", nil, missingCert},
		{"no certificate, decode_error as GnuTLS says", "TLS 1.2", asked12 + none12 + "S:alert(2,50) S:FIN", nil, missingCert},
		{"no certificate, bad_certificate as old Go says", "TLS 1.2", asked12 + none12 + "S:alert(2,42) S:FIN", nil, missingCert},
		{"no certificate, coalesced, told by the tracer", "TLS 1.2", asked12 + "C:certificate/77 C:ccs C:hs/40 S:alert(2,40) S:FIN", func(e *event.Event) { e.TLS.ClientAuth = event.ClientAuthEmpty }, missingCert},
		{"client certificate from the wrong authority", "TLS 1.2", asked12 + cert12 + "S:alert(2,48) S:FIN", nil, "failed unknown_ca client_certificate server client exact"},
		{"client certificate expired", "TLS 1.2", asked12 + cert12 + "S:alert(2,45) S:FIN", nil, "failed certificate_expired client_certificate server client exact"},
		{"client certificate not acceptable, as Java says", "TLS 1.2", asked12 + cert12 + "S:alert(2,46) S:FIN", nil, "failed client_certificate_rejected client_certificate server client exact"},
		{"access_denied, then a second alert, as GnuTLS says", "TLS 1.2", asked12 + cert12 + "S:alert(2,49) S:alert(2,42) S:FIN", nil, "failed client_certificate_rejected client_certificate server client exact"},
		{"handshake_failure with a certificate", "TLS 1.2", asked12 + cert12 + "S:alert(2,40) S:FIN", nil, refusedCert},
		{"dropped with a certificate", "TLS 1.2", asked12 + cert12 + "S:FIN C:alert/26 S:RST", nil, droppedCert},
		{"dropped without a certificate", "TLS 1.2", asked12 + none12 + "S:RST", nil, "failed client_certificate_required client_certificate server client inferred"},

		{"server leaves before its Finished", "TLS 1.2", flight12 + keys12 + "S:FIN", nil, "failed closed_by_server finished server server derived"},
		{"server resets before its Finished", "TLS 1.2", flight12 + keys12 + "S:RST", nil, "failed reset_by_server finished server server derived"},
		{"server stalls before its Finished", "TLS 1.2", flight12 + keys12 + "+2000ms C:FIN", nil, "failed handshake_timeout finished client server derived"},
		{"client leaves before the server's Finished", "TLS 1.2", flight12 + keys12 + "C:alert/26 C:FIN", nil, "failed closed_by_client finished client client derived"},
		{"server alerts in place of its Finished", "TLS 1.2", flight12 + keys12 + "S:ccs S:alert/26 S:FIN", nil, "failed key_mismatch finished server client inferred"},
		{"Finished does not verify", "TLS 1.2", flight12 + keys12 + "S:alert(2,20) S:FIN", nil, "failed key_mismatch finished server client exact"},
		{"a signature does not verify", "TLS 1.2", flight12 + "C:alert(2,51) C:FIN", nil, "failed key_mismatch finished client server exact"},

		{"server side lost", "TLS 1.2", flight12 + keys12 + "S:gap(reordered) S:FIN", nil, "undecided - finished - - -"},
		{"client side lost", "TLS 1.2", flight12 + "C:gap(reordered) C:FIN", nil, "undecided - server_certificate - - -"},
		{"client side lost, but an alert was seen", "TLS 1.2", flight12 + "C:gap(reordered) C:alert(2,45) C:FIN", nil, "failed certificate_expired server_certificate client server exact"},
		{"long trail after a client certificate", "TLS 1.2", asked12 + cert12 + "S:gap(trail) S:FIN", nil, "undecided - client_certificate - - -"},
		{"long trail without an end", "TLS 1.2", flight12 + "S:gap(trail) C:FIN", nil, "undecided - server_certificate - - -"},
		{"TLS 1.0 is read alike", "TLS 1.0", flight12 + "C:client_key_exchange/37 C:ccs C:hs/48 S:ccs S:hs/48 C:app/32 C:FIN", nil, succeededRow},
		{"no version known", "", flight12 + keys12 + done12 + "C:FIN", nil, succeededRow},
	})
}

func TestClientAuthIsDerivedWithoutTouchingTheInput(t *testing.T) {
	for _, c := range []struct {
		name, tape string
		known      event.ClientAuth
		want       event.ClientAuth
	}{
		{"sent", asked12 + cert12, event.ClientAuthRequested, event.ClientAuthSent},
		{"empty", asked12 + none12, "", event.ClientAuthEmpty},
		{"sent in a record of its own", asked12 + "C:certificate/399 C:client_key_exchange/37", "", event.ClientAuthSent},
		{"one record with more in it", asked12 + "C:certificate/269 C:ccs", event.ClientAuthRequested, event.ClientAuthRequested},
		{"requested and no answer", asked12, event.ClientAuthRequested, event.ClientAuthRequested},
		{"not asked", flight12 + keys12, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := tape(t, "TLS 1.2", c.tape)
			e.TLS.ClientAuth = c.known
			if got := Judge(e).TLS.ClientAuth; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if e.TLS.ClientAuth != c.known {
				t.Errorf("the input changed to %q", e.TLS.ClientAuth)
			}
		})
	}
}
