package verdict

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestAlerts(t *testing.T) {
	hello := "C:client_hello/215 "
	judgeRows(t, []row{
		{"expired", "TLS 1.3", flight13 + "C:alert(2,45) C:FIN", nil, "failed certificate_expired server_certificate client server exact"},
		{"revoked", "TLS 1.3", flight13 + "C:alert(2,44) C:FIN", nil, "failed certificate_revoked server_certificate client server exact"},
		{"bad certificate is not narrowed to a wrong name", "TLS 1.3", flight13 + "C:alert(2,42) C:FIN", nil, "failed bad_certificate server_certificate client server exact"},
		{"unsupported certificate", "TLS 1.2", flight12 + "C:alert(2,43) C:FIN", nil, "failed bad_certificate server_certificate client server exact"},
		{"unspecified by the client", "TLS 1.3", flight13 + "C:alert(2,46) C:FIN", nil, "failed server_certificate_rejected server_certificate client server exact"},
		{"access denied by the client", "TLS 1.2", flight12 + "C:alert(2,49) C:FIN", nil, "failed server_certificate_rejected server_certificate client server exact"},
		{"stapled response", "TLS 1.2", flight12 + "C:alert(2,113) C:FIN", nil, "failed bad_certificate server_certificate client server exact"},
		{"certificate required in clear", "TLS 1.3", asked13 + "C:ccs C:app/25 C:app/69 S:alert(2,116) S:FIN", nil, "failed client_certificate_required client_certificate server client exact"},
		{"certificate required, the client's answer not seen", "TLS 1.2", asked12 + "S:alert(2,116) S:FIN", nil, "failed client_certificate_required client_certificate server client exact"},
		{"no certificate, says the client of SSL 3.0", "SSL 3.0", asked12 + "C:alert(1,41) C:FIN", nil, "failed client_certificate_required server_certificate client client exact"},
		{"a certificate alert before any certificate", "", hello + "S:alert(2,42) S:FIN", nil, "failed bad_certificate client_hello server unknown exact"},

		{"nothing in common, nothing known of the offer", "", hello + "S:alert(2,40) S:FIN", nil, "failed negotiation_failed client_hello server unknown exact"},
		{"nothing in common with an old client", "", hello + "S:alert(2,40) S:FIN", ciphers("TLS_RSA_WITH_AES_128_CBC_SHA"), "failed negotiation_failed client_hello server client exact"},
		{"nothing in common with a narrow client", "", hello + "S:alert(2,40) S:FIN", ciphers("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "failed negotiation_failed client_hello server unknown exact"},
		{"nothing in common with a modern client", "", hello + "S:alert(2,40) S:FIN", ciphers("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"), "failed negotiation_failed client_hello server server exact"},
		{"client refuses what the server chose", "TLS 1.2", "C:client_hello/215 S:server_hello/93 C:alert(2,40) C:FIN", nil, "failed negotiation_failed server_hello client server exact"},
		{"too weak", "", hello + "S:alert(2,71) S:FIN", ciphers("TLS_RSA_WITH_RC4_128_SHA"), "failed no_shared_cipher client_hello server client exact"},
		{"too weak, says the client", "TLS 1.2", flight12 + "C:alert(2,71) C:FIN", nil, "failed no_shared_cipher server_hello client server exact"},
		{"version, old client", "", hello + "S:alert(2,70) S:FIN", versions("TLS 1.1", "TLS 1.0"), "failed protocol_version client_hello server client exact"},
		{"version, server without TLS 1.3", "", hello + "S:alert(2,70) S:FIN", versions("TLS 1.3"), "failed protocol_version client_hello server server exact"},
		{"version, offer unknown", "", hello + "S:alert(2,70) S:FIN", nil, "failed protocol_version client_hello server unknown exact"},
		{"version refused by the client", "TLS 1.0", "C:client_hello/215 S:server_hello/81 C:alert(2,70) C:FIN", nil, "failed protocol_version server_hello client server exact"},
		{"fallback", "", hello + "S:alert(2,86) S:FIN", versions("TLS 1.1"), "failed protocol_version client_hello server client exact"},
		{"no common ALPN", "", hello + "S:alert(2,120) S:FIN", nil, "failed no_shared_alpn client_hello server client exact"},
		{"unknown name", "", hello + "S:alert(2,112) S:FIN", nil, "failed unrecognized_name client_hello server client exact"},
		{"a warning about the name and the handshake goes on", "TLS 1.2", "C:client_hello/215 S:alert(1,112) S:server_hello/93 S:certificate/700 S:server_hello_done/4 " + keys12 + done12 + "C:FIN", nil, succeededRow},
		{"a warning about the name and the client leaves", "TLS 1.2", "C:client_hello/215 S:alert(1,112) S:server_hello/93 S:certificate/700 S:server_hello_done/4 C:FIN", nil, serverCertQ},
		{"a warning and the rest of the server's side lost", "", hello + "S:alert(1,112) S:gap(reordered) C:FIN", nil, "undecided - client_hello - - -"},
		{"a warning and nothing after it", "", hello + "S:alert(1,112) C:FIN", nil, "failed unrecognized_name client_hello server client exact"},
		{"unknown key identity", "", hello + "S:alert(2,115) S:FIN", nil, "failed negotiation_failed client_hello server client exact"},
		{"missing extension", "", hello + "S:alert(2,109) S:FIN", nil, "failed negotiation_failed client_hello server client exact"},
		{"internal error of the server", "", hello + "S:alert(2,80) S:FIN", nil, "failed internal_error client_hello server server exact"},
		{"internal error of the client", "TLS 1.2", flight12 + "C:alert(2,80) C:FIN", nil, "failed internal_error server_certificate client client inferred"},
		{"internal error of a client that was not yet given a certificate", "TLS 1.3", retry13 + "C:alert(2,80) C:FIN", nil, "failed internal_error server_hello client client exact"},
		{"malformed hello", "", "C:client_hello/40 S:alert(2,50) S:FIN", nil, "failed malformed client_hello server client exact"},
		{"a first record that is no hello", "", "C:hs/40 S:alert(2,10) S:FIN", nil, "failed malformed client_hello server client exact"},
		{"user canceled", "TLS 1.2", flight12 + "C:alert(1,90) C:FIN", nil, "failed closed_by_client server_certificate client client exact"},
		{"close_notify in the middle", "TLS 1.2", flight12 + "C:alert(1,0) C:FIN", nil, "failed closed_by_client server_certificate client client exact"},
		{"close_notify from the server", "", hello + "S:alert(1,0) S:FIN", nil, "failed closed_by_server client_hello server server exact"},
		{"an alert that is not registered", "", hello + "S:alert(2,199) S:FIN", nil, "failed negotiation_failed client_hello server unknown inferred"},
		{"an alert without a sender", "", hello + "S:FIN", func(e *event.Event) { code := uint8(40); e.Alert = &event.Alert{Code: &code} }, "failed closed_by_server client_hello server server derived"},
	})
}

func TestAlertsAreThoseOfTheRegistry(t *testing.T) {
	missingThere := []int{alertNoCertificate, 52, alertGeneralError}
	for code := range 256 {
		there := !strings.Contains(tls.AlertError(code).Error(), "alert(") || slices.Contains(missingThere, code)
		if _, here := registered(uint8(code)); here != there {
			t.Errorf("alert %d: registered here %v, in crypto/tls %v", code, here, there)
		}
	}
}

func TestAlertSummaries(t *testing.T) {
	for _, c := range []struct{ version, tape, want string }{
		{"TLS 1.2", flight12 + "C:alert(2,45) C:FIN", "The client refused the server's certificate: it said that the certificate has expired or is not valid now (certificate_expired, alert 45)."},
		{"TLS 1.2", asked12 + cert12 + "S:alert(2,45) S:FIN", "The server refused the client's certificate: it said that the certificate has expired or is not valid now (certificate_expired, alert 45)."},
		{"TLS 1.2", asked12 + none12 + "S:alert(2,40) S:FIN", "The server asked for a client certificate, got none, and refused (handshake_failure, alert 40)."},
		{"", "C:client_hello/200 S:alert(2,70) S:FIN", "The server said that it does not support the protocol version (protocol_version, alert 70)."},
		{"", "C:client_hello/200 S:alert(2,199) S:FIN", "The server ended the handshake: alert 199."},
	} {
		if got := Judge(tape(t, c.version, c.tape)).Verdict.Summary; got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.tape, got, c.want)
		}
	}
}

func TestHintsShowTheOffer(t *testing.T) {
	e := tape(t, "", "C:client_hello/200 S:alert(2,120) S:FIN")
	e.TLS.OfferedALPN = []string{"h2", "evil\x1b[2J", "a", "b", "c", "d", "e", "f"}
	want := `The client offered ALPN h2, "evil\x1b[2J", a, b, c, d and 2 more. ` + Hint(event.NoSharedALPN)
	if got := Judge(e).Verdict.Hint; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	e = tape(t, "", "C:client_hello/200 S:alert(2,112) S:FIN")
	e.TLS.SNI = "shop.example"
	if got := Judge(e).Verdict.Hint; !strings.HasPrefix(got, `The client asked for "shop.example". `) {
		t.Errorf("got %q", got)
	}
}

// Every code from either side in either version gives a verdict in words.
func TestEveryAlertIsRead(t *testing.T) {
	for code := range 256 {
		for _, side := range []string{"C", "S"} {
			for _, trail := range []string{"C:client_hello/215 ", flight12, asked12 + cert12, flight13} {
				e := tape(t, "", fmt.Sprintf("%s%s:alert(2,%d) %s:FIN", trail, side, code, side))
				got := Judge(e)
				if got.Outcome != event.Failed {
					t.Errorf("%s alert %d: %s", side, code, told(got))
				}
				holds(t, e, got)
			}
		}
	}
}
