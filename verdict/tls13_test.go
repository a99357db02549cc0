package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

const (
	succeededRow = "succeeded - established - - -"
	refusedCert  = "failed client_certificate_rejected client_certificate server client derived"
	missingCert  = "failed client_certificate_required client_certificate server client derived"
	droppedCert  = "failed client_certificate_rejected client_certificate server client inferred"
	serverCert   = "failed server_certificate_rejected server_certificate client server derived"
	serverCertQ  = "failed server_certificate_rejected server_certificate client server inferred"
)

// askedByJava is the flight of a Java server, each message of it with 16 zeros.
const askedByJava = hello13 + "S:ccs S:app/65 S:app/135 S:app/457 S:app/112 S:app/85 "

func TestTLS13(t *testing.T) {
	judgeRows(t, []row{
		{"full handshake", "TLS 1.3", flight13 + "C:ccs C:app/69 S:app/250 C:app/35 C:FIN", nil, succeededRow},
		{"no version known", "", flight13 + "C:ccs C:app/69 S:app/250 C:app/35 C:FIN", nil, succeededRow},
		{"no compatibility mode", "", "C:client_hello/300 S:server_hello/90 S:app/600 C:app/53 S:app/234 C:FIN", nil, succeededRow},
		{"client ends after its Finished", "TLS 1.3", flight13 + "C:ccs C:app/69 C:FIN", nil, succeededRow},
		{"client is killed after its Finished", "TLS 1.3", flight13 + "C:ccs C:app/69 C:RST", nil, succeededRow},
		{"server closes with close_notify and no ticket", "TLS 1.3", flight13 + "C:ccs C:app/69 S:app/19 S:FIN", nil, succeededRow},
		{"server closes after Finished", "TLS 1.3", flight13 + "C:ccs C:app/69 S:FIN", nil, succeededRow},
		{"server resets after Finished", "TLS 1.3", flight13 + "C:ccs C:app/69 S:RST", nil, succeededRow},
		{"still open after Finished", "TLS 1.3", flight13 + "C:ccs C:app/69", nil, "undecided - finished - - -"},
		{"kernel timed out after Finished", "TLS 1.3", flight13 + "C:ccs C:app/69 +20000ms C:KTO", nil, "undecided - finished - - -"},
		{"tickets before the client's Finished", "TLS 1.3", flight13 + "S:app/268 S:app/268 C:ccs C:app/69 C:FIN", nil, succeededRow},

		{"client refuses with an encrypted alert", "TLS 1.3", flight13 + "C:ccs C:app/19 C:FIN S:FIN", nil, serverCert},
		{"tickets cross the refusal", "TLS 1.3", flight13 + "C:ccs C:app/19 S:app/268 S:app/268 S:FIN", nil, serverCert},
		{"server echoes the refusal", "TLS 1.3", flight13 + "C:ccs C:app/19 S:alert(2,20) S:FIN", nil, serverCert},
		{"refusal under CCM_8", "TLS 1.3", hello13 + "S:app/600 C:ccs C:app/11 C:FIN", suite("TLS_AES_128_CCM_8_SHA256"), serverCert},
		{"11 bytes are no alert under GCM", "TLS 1.3", hello13 + "S:app/600 C:ccs C:app/11 S:FIN", suite("TLS_AES_128_GCM_SHA256"), "undecided - finished - - -"},
		{"refusal of the ServerHello", "TLS 1.3", hello13 + "C:ccs C:app/19 C:FIN", nil, "failed negotiation_failed server_hello client server inferred"},
		{"refusal of a resumed handshake", "TLS 1.3", flight13 + "C:ccs C:app/19 C:FIN", resumed, "failed negotiation_failed finished client server inferred"},
		{"plaintext refusal by OpenSSL", "TLS 1.3", flight13 + "C:alert(2,48) S:app/19 S:FIN", nil, "failed unknown_ca server_certificate client server exact"},
		{"Node leaves without a word", "TLS 1.3", flight13 + "C:FIN S:app/19 C:RST", nil, serverCertQ},
		{"Node leaves without a word, client side", "TLS 1.3", flight13 + "C:FIN S:FIN", nil, serverCertQ},
		{"client resets after the flight", "TLS 1.3", flight13 + "C:RST", nil, "failed reset_by_client server_certificate client client derived"},
		{"client thinks for long and leaves", "TLS 1.3", flight13 + "+5000ms C:FIN", nil, "failed closed_by_client server_certificate client client derived"},
		{"client stalls and the server leaves", "TLS 1.3", flight13 + "+5000ms S:FIN", nil, "failed handshake_timeout server_certificate server client derived"},
		{"client leaves a resumed handshake", "TLS 1.3", flight13 + "C:FIN", resumed, "failed closed_by_client finished client client derived"},

		{"Java refuses", "TLS 1.3", flight13 + "C:ccs C:app/35 C:FIN S:FIN", suite("TLS_AES_256_GCM_SHA384"), serverCert},
		{"Java finishes", "TLS 1.3", flight13 + "C:ccs C:app/85 C:FIN", suite("TLS_AES_256_GCM_SHA384"), succeededRow},
		{"Java finishes under SHA-256", "TLS 1.3", flight13 + "C:ccs C:app/69 C:FIN", suite("TLS_AES_128_GCM_SHA256"), succeededRow},
		{"Java refuses a client certificate", "TLS 1.3", askedByJava + "C:ccs C:app/452 C:app/97 C:app/69 S:app/35 S:FIN",
			suite("TLS_AES_256_GCM_SHA384"), refusedCert},
		{"Java accepts a client certificate", "TLS 1.3", askedByJava + "C:ccs C:app/452 C:app/97 C:app/69 S:app/19 S:FIN",
			suite("TLS_AES_256_GCM_SHA384"), succeededRow},
		{"Java misses a client certificate", "TLS 1.3", askedByJava + "C:ccs C:app/25 C:app/69 S:app/35 S:FIN",
			suite("TLS_AES_256_GCM_SHA384"), missingCert},
		{"Java has no client certificate", "TLS 1.3", asked13 + "C:ccs C:app/41 C:app/85 S:app/19 S:FIN",
			suite("TLS_AES_256_GCM_SHA384"), missingCert},
		{"a short answer is no alert of a server that does not pad", "TLS 1.3",
			asked13 + "C:ccs C:app/452 C:app/97 C:app/69 S:app/35 S:FIN", suite("TLS_AES_256_GCM_SHA384"), succeededRow},

		{"client certificate accepted", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:app/1289 C:FIN", nil, succeededRow},
		{"client certificate in one record accepted", "TLS 1.3", asked13 + "C:ccs C:app/533 S:app/234 C:app/53 S:app/19 S:FIN", nil, succeededRow},
		{"client with a certificate leaves first", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:FIN", nil, succeededRow},
		{"client with a certificate says close_notify first", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:app/35 C:app/19 S:app/19 S:FIN", nil, succeededRow},
		{"client with a certificate is killed, server says close_notify", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:FIN S:app/19 S:FIN", nil, "undecided - client_certificate - - -"},
		{"server says close_notify after a minute", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 +60000ms S:app/19 S:FIN", nil, "undecided - client_certificate - - -"},
		{"certificate optional and absent, page served", "TLS 1.3", asked13 + "C:ccs C:app/25 C:app/69 C:app/96 S:app/282 S:app/406 S:FIN", nil, succeededRow},

		{"client certificate refused", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:app/19 S:FIN", nil, refusedCert},
		{"refused while the client sends data", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:app/35 S:app/19 S:RST", nil, refusedCert},
		{"refused with two alerts, client closes between", "TLS 1.3", asked13 + "C:ccs C:app/419 C:app/96 C:app/69 S:app/19 C:FIN S:app/19 S:FIN", nil, refusedCert},
		{"refused, client closes after the alert", "TLS 1.3", asked13 + "C:ccs C:app/419 C:app/96 C:app/69 S:app/19 C:app/19 C:FIN S:FIN", nil, refusedCert},
		{"one record, refused", "TLS 1.3", asked13 + "C:ccs C:app/533 C:app/35 S:app/19 S:RST", nil, refusedCert},
		{"no certificate, refused", "TLS 1.3", asked13 + "C:ccs C:app/25 C:app/69 S:app/19 S:RST", nil, missingCert},
		{"no certificate, one record, refused", "TLS 1.3", asked13 + "C:ccs C:app/61 C:app/35 S:app/19 S:FIN", nil, missingCert},
		{"no certificate, one record, SHA-384", "TLS 1.3", asked13 + "C:ccs C:app/77 S:app/19 S:RST", suite("TLS_AES_256_GCM_SHA384"), missingCert},
		{"no certificate under CCM_8", "TLS 1.3", asked13 + "C:ccs C:app/53 S:app/11 S:FIN", suite("TLS_AES_128_CCM_8_SHA256"), missingCert},
		{"CCM_8 Finished alone", "TLS 1.3", flight13 + "C:ccs C:app/45 S:app/11 S:FIN", suite("TLS_AES_128_CCM_8_SHA256"), succeededRow},
		{"dropped without an alert", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:app/35 S:RST", nil, droppedCert},
		{"dropped without an alert, FIN", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:FIN", nil, droppedCert},
		{"no certificate, dropped", "TLS 1.3", asked13 + "C:ccs C:app/25 C:app/69 S:FIN", nil, "failed client_certificate_required client_certificate server client inferred"},
		{"dropped long after", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 +9000ms S:FIN", nil, "undecided - client_certificate - - -"},
		{"a reset that the program meant", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:RST", func(e *event.Event) { e.TCP.ResetReason = "TCP_ABORT_ON_LINGER" }, "undecided - client_certificate - - -"},

		{"retry, CCS before the second hello", "TLS 1.3", retry13 + "C:ccs C:client_hello/545 S:server_hello/155 S:app/600 C:app/69 S:app/250 C:FIN", nil, succeededRow},
		{"retry, then the client refuses", "TLS 1.3", retry13 + "C:ccs C:client_hello/545 S:server_hello/155 S:app/600 C:app/19 C:FIN", nil, serverCert},
		{"retry, no second hello", "TLS 1.3", retry13 + "C:FIN", nil, "failed closed_by_client server_hello client client derived"},
		{"retry, client stalls", "TLS 1.3", retry13 + "+3000ms S:FIN", nil, "failed handshake_timeout server_hello server client derived"},
		{"retry refused by the client", "TLS 1.3", retry13 + "C:alert(2,47) C:FIN", nil, "failed no_shared_group server_hello client unknown derived"},
		{"retry, then server refuses the second hello", "", retry13 + "C:ccs C:client_hello/545 S:alert(2,40) S:FIN", nil, "failed negotiation_failed client_hello server unknown exact"},

		{"early data accepted", "TLS 1.3", "C:client_hello/600 C:ccs C:app/200 S:server_hello/128 S:ccs S:app/45 S:app/53 C:app/21 C:app/53 S:app/234 C:FIN", early, succeededRow},
		{"early data of a certificate's size, then Finished, then close", "TLS 1.3", "C:client_hello/600 C:ccs S:server_hello/128 S:ccs S:app/45 S:app/53 C:app/900 C:app/21 C:app/53 S:app/19 S:FIN", early, succeededRow},
		{"early data of which the hello was not read", "TLS 1.3", "C:client_hello/9000 C:ccs C:app/200 S:server_hello/128 S:ccs S:app/45 S:app/53 C:app/21 C:app/53 S:app/19 S:FIN", nil, succeededRow},
		{"early data and no Finished", "TLS 1.3", "C:client_hello/600 C:ccs C:app/200 S:server_hello/128 S:ccs S:app/45 S:app/53 C:app/900 S:FIN", early, "undecided - finished - - -"},

		{"client side lost after the flight", "TLS 1.3", flight13 + "C:gap(reordered) S:FIN", nil, "undecided - server_certificate - - -"},
		{"server side lost after Finished", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:gap(too_many) S:FIN", nil, "undecided - client_certificate - - -"},
		{"server side lost, but its data was seen", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:app/500 S:gap(too_many) S:FIN", nil, succeededRow},
		{"long trail", "TLS 1.3", flight13 + "S:gap(trail) C:ccs C:app/69 S:app/19 S:FIN", nil, succeededRow},
		{"long answer of which the last record is short", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:gap(trail) S:app/19 S:FIN", nil, succeededRow},
		{"upload to a server that refuses", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:app/9000 C:gap(trail) C:app/9000 S:app/19 S:RST", nil, refusedCert},
	})
}

func TestKernelCertaintyIsKept(t *testing.T) {
	e := tape(t, "TLS 1.3", asked13+"C:ccs C:app/796 C:app/96 C:app/69 S:app/19 S:FIN")
	e.Outcome = event.Succeeded
	got := Judge(e)
	if told(got) != succeededRow || got.Alert != nil {
		t.Errorf("got %s, alert %v", told(got), got.Alert)
	}
	if got.TLS.ClientAuth != event.ClientAuthSent {
		t.Errorf("client auth %q", got.TLS.ClientAuth)
	}
}

func TestEncryptedAlertIsNamed(t *testing.T) {
	got := Judge(tape(t, "TLS 1.3", asked13+"C:ccs C:app/25 C:app/69 S:app/19 S:RST"))
	want := event.Alert{Sender: event.Server, Encrypted: true}
	if got.Alert == nil || *got.Alert != want {
		t.Errorf("got %+v, want %+v", got.Alert, want)
	}
	if got.TLS.ClientAuth != event.ClientAuthEmpty {
		t.Errorf("client auth %q", got.TLS.ClientAuth)
	}
}

func TestEarlyDataIsNoClientCertificate(t *testing.T) {
	got := Judge(tape(t, "TLS 1.3", "C:client_hello/9000 C:ccs C:app/200 S:server_hello/128 S:ccs S:app/45 S:app/53 C:app/21 C:app/53 S:app/234 C:FIN"))
	if got.TLS.ClientAuth != "" {
		t.Errorf("client auth %q", got.TLS.ClientAuth)
	}
}
