package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestPlaintext(t *testing.T) {
	const scan = "noise scan preface - - -"
	judgeRows(t, []row{
		{"TLS to a plaintext port", "", "C:client_hello/512 S:plain/150 S:FIN", nil, "failed tls_to_plaintext client_hello server client derived"},
		{"the client's alert about it misleads", "", "C:client_hello/512 S:plain/150 C:alert(2,70) S:FIN", nil, "failed tls_to_plaintext client_hello client client derived"},
		{"the client's alert about it comes too late", "", "C:client_hello/330 S:plain/471 S:FIN C:alert(2,10) C:FIN", nil, "failed tls_to_plaintext client_hello server client derived"},
		{"server speaks first", "", "S:plain/90 C:client_hello/512 C:FIN", nil, "failed tls_to_plaintext client_hello client client derived"},
		{"an answer of one byte", "", "C:client_hello/512 S:raw/1 C:FIN", nil, "failed tls_to_plaintext client_hello client client inferred"},
		{"answer that could not be followed", "", "C:client_hello/512 S:raw/800 S:gap(reordered) C:FIN", nil, "undecided - client_hello - - -"},
		{"after STARTTLS", "TLS 1.3", "C:raw/20 S:raw/40 " + flight13 + "C:ccs C:app/19 C:FIN", preface(event.PrefaceSMTP), serverCert},
		{"after STARTTLS the server leaves", "", "C:raw/20 S:raw/40 C:client_hello/512 S:FIN", preface(event.PrefaceSMTP), "failed closed_by_server client_hello server server derived"},
		{"after STARTTLS the server speaks on in plaintext", "", "C:raw/20 S:raw/40 C:client_hello/512 S:plain/30 C:FIN", preface(event.PrefaceSMTP), "failed tls_to_plaintext client_hello client client derived"},
		{"after PROXY v2", "TLS 1.3", "C:raw/28 " + flight13 + "C:ccs C:app/69 S:app/250 C:FIN", preface(event.PrefaceProxyV2), succeededRow},
		{"after CONNECT", "TLS 1.2", "C:raw/80 S:raw/39 " + flight12 + "C:alert(2,45) C:FIN", preface(event.PrefaceConnect), "failed certificate_expired server_certificate client server exact"},
		{"after a Postgres request", "TLS 1.3", "C:raw/8 S:raw/1 " + flight13 + "C:ccs C:app/69 S:app/250 C:FIN", preface(event.PrefacePostgres), succeededRow},
		{"Postgres declines", "", "C:raw/8 S:raw/1 C:FIN", preface(event.PrefacePostgres), "failed tls_to_plaintext preface client server derived"},
		{"Postgres declines and the client goes on without", "", "C:raw/90 S:raw/300 C:FIN", preface(event.PrefacePostgres), scan},

		{"HTTP to TLS, alert", "", "C:plain/80 S:alert(2,70) S:FIN", preface(event.PrefaceHTTP), "failed plaintext_to_tls client_hello server client derived"},
		{"HTTP to TLS, alert, listener unknown", "", "C:plain/80 S:alert(2,22) S:RST", preface(event.PrefaceHTTP), "failed plaintext_to_tls client_hello server client derived"},
		{"PROXY header to TLS, alert", "", "C:plain/50 S:alert(2,10) S:FIN", preface(event.PrefaceProxyV1), "failed plaintext_to_tls client_hello server client derived"},
		{"garbage to TLS, alert", "", "C:plain/80 S:alert(2,10) S:FIN", preface(event.PrefaceOther), "failed malformed client_hello server client derived"},
		{"garbage to GnuTLS, which waits for more of it", "", "C:plain/100 +1559ms C:FIN S:alert(2,50) C:RST", listener(event.PrefaceOther), "failed malformed client_hello client client derived"},
		{"garbage to TLS, no word", "", "C:plain/80 S:FIN", listener(event.PrefaceOther), "failed malformed client_hello server client inferred"},
		{"HTTP to STRICT mTLS, reset", "", "C:plain/80 S:RST", listener(event.PrefaceHTTP), "failed plaintext_to_tls client_hello server client inferred"},
		{"HTTP to TLS, answered in HTTP", "", "C:plain/80 S:plain/410 S:FIN", badRequest, "failed plaintext_to_tls client_hello server client inferred"},
		{"HTTP to TLS, never answered", "", "C:plain/80 +5000ms C:FIN", listener(event.PrefaceHTTP), "failed plaintext_to_tls client_hello client client inferred"},
		{"HTTP to TLS, end not seen", "", "C:plain/80", listener(event.PrefaceHTTP), "undecided - preface - - -"},
		{"a port that serves both", "", "C:plain/80 S:plain/9000 C:FIN", listener(event.PrefaceHTTP), scan},
		{"plain SMTP on a port with STARTTLS", "", "C:plain/80 S:plain/300 C:FIN", listener(event.PrefaceSMTP), scan},
		{"client drops garbage and leaves", "", "C:plain/80 C:FIN", listener(event.PrefaceOther), scan},
		{"plain HTTP", "", "C:plain/80 S:plain/9000 C:FIN", preface(event.PrefaceHTTP), scan},
		{"plain HTTP, server closes without a word", "", "C:plain/80 S:FIN", preface(event.PrefaceHTTP), scan},
		{"Redis", "", "C:plain/14 S:plain/7 C:FIN", preface(event.PrefaceOther), scan},
		{"server greets and the client leaves", "", "S:plain/80 C:FIN", nil, "noise scan client_hello - - -"},
		{"server alerts a client that said nothing", "", "+9000ms S:alert(1,0) S:FIN", nil, "noise scan client_hello - - -"},
		{"three bytes of a record, then silence", "", "C:raw/3 +9000ms S:FIN", listener(""), "failed handshake_timeout client_hello server client derived"},
		{"three bytes and gone", "", "C:raw/3 C:FIN", listener(""), "noise scan client_hello - - -"},
		{"client side lost from the start", "", "C:raw/900 C:gap(reordered) S:raw/700 S:FIN", nil, "undecided - client_hello - - -"},
		{"client side not seen, server chose", "TLS 1.3", "C:raw/900 S:server_hello/122 S:app/600 C:FIN", nil, "undecided - server_certificate - - -"},
	})
}
