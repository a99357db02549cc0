package verdict

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// says puts words into the mouth of a side's library: its error, and the name of its verify result.
func says(side event.Side, word, verify string) func(*event.Event) {
	return func(e *event.Event) {
		e.Library = &event.Library{Name: "some", Side: side, ErrorText: word, VerifyText: verify}
		if verify != "" {
			e.Library.VerifyCode = 1
		}
	}
}

func clientSays(word, verify string) func(*event.Event) { return says(event.Client, word, verify) }
func serverSays(word, verify string) func(*event.Event) { return says(event.Server, word, verify) }

// both sets what two functions set.
func both(a, b func(*event.Event)) func(*event.Event) {
	return func(e *event.Event) { a(e); b(e) }
}

const (
	verifyFailed = "CERTIFICATE_VERIFY_FAILED"
	alerts13     = flight13 + "C:ccs C:app/19 C:FIN S:FIN"                      // the client refuses with an encrypted alert
	leaves13     = flight13 + "C:FIN S:app/19 C:RST"                            // as Node and Bun do
	refuses13    = asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:app/19 S:FIN" // the server refuses a certificate
	absent13     = asked13 + "C:ccs C:app/25 C:app/69 S:app/19 S:RST"           // and the absence of one
	noAnswer     = "C:client_hello/215 S:FIN"                                   // the server closes
	certExact    = " server_certificate client server exact"                    // a client that refuses
	ownExact     = " client_certificate server client exact"                    // a server that refuses
	v            = "X509_V_ERR_"
)

func TestLibraryRefusesAServerCertificate(t *testing.T) {
	judgeRows(t, []row{
		{"expired", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},
		{"not yet valid", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"CERT_NOT_YET_VALID"), "failed certificate_not_yet_valid" + certExact},
		{"unknown authority", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "failed unknown_ca" + certExact},
		{"issuer missing", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"UNABLE_TO_GET_ISSUER_CERT"), "failed unknown_ca" + certExact},
		{"leaf alone", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "failed unknown_ca" + certExact},
		{"untrusted root in the chain", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"SELF_SIGNED_CERT_IN_CHAIN"), "failed unknown_ca" + certExact},
		{"self-signed", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"DEPTH_ZERO_SELF_SIGNED_CERT"), "failed self_signed" + certExact},
		{"wrong host name", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"HOSTNAME_MISMATCH"), "failed name_mismatch" + certExact},
		{"wrong address", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"IP_ADDRESS_MISMATCH"), "failed name_mismatch" + certExact},
		{"wrong email", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"EMAIL_MISMATCH"), "failed name_mismatch" + certExact},
		{"revoked", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"CERT_REVOKED"), "failed certificate_revoked" + certExact},
		{"a result without a reason of its own", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"PATH_LOOP"), "failed bad_certificate" + certExact},
		{"a callback refuses and the error is not seen", "TLS 1.3", flight13 + "C:alert(2,80) C:RST", clientSays("", v+"UNSPECIFIED"), "failed server_certificate_rejected" + certExact},
		{"a trouble of its own after a verification that was let pass", "TLS 1.3", flight13 + "C:alert(2,80) C:RST", clientSays("", v+"CERT_HAS_EXPIRED"), "failed internal_error server_certificate client client inferred"},
		{"a callback refuses and only the server's library is heard", "TLS 1.2", flight12 + "C:alert(2,80) C:FIN", serverSays("TLSV1_ALERT_INTERNAL_ERROR", ""), "failed internal_error server_certificate client client inferred"},
		{"a result that is just a number", "TLS 1.3", alerts13, clientSays(verifyFailed, "X509_V_ERR(999)"), "failed server_certificate_rejected" + certExact},
		{"no result", "TLS 1.3", alerts13, clientSays(verifyFailed, ""), "failed server_certificate_rejected" + certExact},
		{"the prefix of the macro", "TLS 1.3", alerts13, clientSays("SSL_R_"+verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},

		{"clear alert unknown_ca, self-signed", "TLS 1.3", flight13 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, v+"DEPTH_ZERO_SELF_SIGNED_CERT"), "failed self_signed" + certExact},
		{"clear alert bad_certificate, name", "TLS 1.2", flight12 + "C:alert(2,42) C:FIN", clientSays(verifyFailed, v+"HOSTNAME_MISMATCH"), "failed name_mismatch" + certExact},
		{"clear alert certificate_expired, not yet valid", "TLS 1.2", flight12 + "C:alert(2,45) C:FIN", clientSays(verifyFailed, v+"CERT_NOT_YET_VALID"), "failed certificate_not_yet_valid" + certExact},
		{"clear alert handshake_failure, a callback refused", "TLS 1.2", flight12 + "C:alert(2,40) C:FIN", clientSays(verifyFailed, v+"APPLICATION_VERIFICATION"), "failed bad_certificate" + certExact},
		{"clear alert unknown_ca, invalid authority", "TLS 1.2", flight12 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, v+"INVALID_CA"), "failed unknown_ca" + certExact},
		{"clear alert unknown_ca, no result", "TLS 1.2", flight12 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, ""), "failed unknown_ca" + certExact},
		{"clear alert unknown_ca does not fit a wrong name", "TLS 1.2", flight12 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, v+"HOSTNAME_MISMATCH"), "failed unknown_ca" + certExact},
		{"clear alert protocol_version does not fit a certificate", "TLS 1.2", flight12 + "C:alert(2,70) C:FIN", clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed protocol_version server_hello client server exact"},
		{"no certificate was there to be refused", "", noAnswer, clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed closed_by_server client_hello server server derived"},

		{"an error and a close without an alert", "TLS 1.3", leaves13, clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},
		{"part of the client's side lost", "TLS 1.3", flight13 + "C:gap(reordered) C:FIN", clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},
		{"the weak issuer's digest, as an error", "TLS 1.3", alerts13, clientSays("CA_MD_TOO_WEAK", ""), "failed bad_certificate" + certExact},
	})
}

func TestVerifyResultAlone(t *testing.T) {
	expired := clientSays("", v+"CERT_HAS_EXPIRED")
	judgeRows(t, []row{
		{"Node closes by FIN", "TLS 1.3", leaves13, expired, "failed certificate_expired" + certExact},
		{"Node closes by RST", "TLS 1.3", flight13 + "C:RST", expired, "failed certificate_expired" + certExact},
		{"Bun in TLS 1.2", "TLS 1.2", flight12 + "C:FIN", clientSays("", v+"DEPTH_ZERO_SELF_SIGNED_CERT"), "failed self_signed" + certExact},
		{"with the wrapper that follows other errors", "TLS 1.3", leaves13, clientSays("SHUTDOWN_WHILE_IN_INIT", v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},
		{"with an error that says nothing", "TLS 1.3", leaves13, clientSays("CALLBACK_FAILED", v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + certExact},
		{"with a clear alert about certificates", "TLS 1.2", flight12 + "C:alert(2,46) C:FIN", expired, "failed certificate_expired" + certExact},
		{"and an encrypted one", "TLS 1.3", alerts13, expired, "failed certificate_expired" + certExact},
		{"a Node server", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:FIN", serverSays("", v+"SELF_SIGNED_CERT_IN_CHAIN"), "failed unknown_ca" + ownExact},
		{"a Node server without a client certificate", "TLS 1.3", asked13 + "C:ccs C:app/25 C:app/69 S:FIN", serverSays("", v+"UNABLE_TO_GET_ISSUER_CERT"), "failed client_certificate_required client_certificate server client inferred"},

		{"curl -k goes on", "TLS 1.3", flight13 + "C:ccs C:app/69 S:app/250 C:app/35 C:FIN", expired, succeededRow},
		{"nginx answers 400", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 S:app/250 S:FIN", serverSays("", v+"CERT_HAS_EXPIRED"), succeededRow},
		{"Node in TLS 1.2 judges when the handshake is over", "TLS 1.2", flight12 + keys12 + done12 + "C:FIN", expired, succeededRow},
		{"curl -k, and the server leaves", "TLS 1.2", flight12 + keys12 + "S:FIN", expired, "failed closed_by_server finished server server derived"},
		{"the client leaves after it has gone on", "TLS 1.2", flight12 + keys12 + "C:FIN", expired, "failed closed_by_client finished client client derived"},
		{"the client leaves long after", "TLS 1.3", flight13 + "+5000ms C:FIN", expired, "failed closed_by_client server_certificate client client derived"},
		{"the client has another complaint", "TLS 1.2", flight12 + "C:alert(2,71) C:FIN", expired, "failed no_shared_cipher server_hello client server exact"},
		{"too much was lost", "TLS 1.3", flight13 + "C:gap(reordered) C:FIN", expired, "undecided - server_certificate - - -"},
		{"a result of success", "TLS 1.3", leaves13, func(e *event.Event) {
			e.Library = &event.Library{Side: event.Client, VerifyText: "X509_V_OK"}
		}, serverCertQ},
	})
}

func TestLibraryRefusesAClientCertificate(t *testing.T) {
	judgeRows(t, []row{
		{"expired", "TLS 1.3", refuses13, serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + ownExact},
		{"wrong authority", "TLS 1.3", refuses13, serverSays(verifyFailed, v+"UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "failed unknown_ca" + ownExact},
		{"self-signed", "TLS 1.3", refuses13, serverSays(verifyFailed, v+"DEPTH_ZERO_SELF_SIGNED_CERT"), "failed self_signed" + ownExact},
		{"no result", "TLS 1.3", refuses13, serverSays(verifyFailed, ""), "failed client_certificate_rejected" + ownExact},
		{"TLS 1.2, handshake_failure", "TLS 1.2", asked12 + cert12 + "S:alert(2,40) S:FIN", serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + ownExact},
		{"dropped", "TLS 1.2", asked12 + cert12 + "S:FIN C:alert/26 S:RST", serverSays(verifyFailed, v+"CERT_REVOKED"), "failed certificate_revoked" + ownExact},
		{"missing", "TLS 1.3", absent13, serverSays("PEER_DID_NOT_RETURN_A_CERTIFICATE", ""), "failed client_certificate_required" + ownExact},
		{"missing, TLS 1.2", "TLS 1.2", asked12 + none12 + "S:alert(2,40) S:FIN", serverSays("PEER_DID_NOT_RETURN_A_CERTIFICATE", ""), "failed client_certificate_required" + ownExact},
		{"missing, though the wire shows one", "TLS 1.3", refuses13, serverSays("PEER_DID_NOT_RETURN_A_CERTIFICATE", ""), refusedCert},
		{"refused, though the wire shows none", "TLS 1.3", absent13, serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), missingCert},
		{"the close is late", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 +60000ms S:app/19 S:FIN", serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + ownExact},
		{"the client is gone when the refusal comes", "TLS 1.3", asked13 + "C:ccs C:app/796 C:app/96 C:app/69 C:FIN S:app/19 S:FIN", serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed certificate_expired" + ownExact},
		{"an anonymous server", "TLS 1.2", flight12 + "C:FIN", clientSays("PEER_DID_NOT_RETURN_A_CERTIFICATE", ""), "failed server_certificate_rejected" + certExact},
	})
}

func TestLibraryNegotiates(t *testing.T) {
	hello := "C:client_hello/215 "
	offer := ciphers("TLS_RSA_WITH_AES_128_CBC_SHA")
	judgeRows(t, []row{
		{"no shared cipher", "", hello + "S:alert(2,40) S:FIN", both(offer, serverSays("NO_SHARED_CIPHER", "")), "failed no_shared_cipher client_hello server client exact"},
		{"no shared cipher, no alert", "", noAnswer, both(offer, serverSays("NO_SHARED_CIPHER", "")), "failed no_shared_cipher client_hello server client exact"},
		{"no shared group", "", hello + "S:alert(2,40) S:FIN", serverSays("NO_SHARED_GROUP", ""), "failed no_shared_group client_hello server unknown exact"},
		{"no shared group, OpenSSL 3.5", "", hello + "S:alert(2,40) S:FIN", serverSays("NO_SHARED_GROUPS", ""), "failed no_shared_group client_hello server unknown exact"},
		{"no key share", "", hello + "S:alert(2,40) S:FIN", serverSays("NO_SUITABLE_KEY_SHARE", ""), "failed no_shared_group client_hello server unknown exact"},
		{"retry and then no key share", "", retry13 + "C:ccs C:client_hello/545 S:alert(2,40) S:FIN", serverSays("NO_SUITABLE_KEY_SHARE", ""), "failed no_shared_group client_hello server unknown exact"},
		{"retry that the client cannot follow", "TLS 1.3", retry13 + "C:alert(2,47) C:FIN", clientSays("WRONG_CURVE", ""), "failed no_shared_group server_hello client unknown exact"},
		{"version, by the server", "", hello + "S:alert(2,70) S:FIN", both(versions("TLS 1.1"), serverSays("UNSUPPORTED_PROTOCOL", "")), "failed protocol_version client_hello server client exact"},
		{"version, by a server that only closes", "", noAnswer, both(versions("TLS 1.3"), serverSays("VERSION_TOO_LOW", "")), "failed protocol_version client_hello server server exact"},
		{"version, by the client", "TLS 1.0", "C:client_hello/215 S:server_hello/81 C:FIN", clientSays("UNSUPPORTED_PROTOCOL", ""), "failed protocol_version server_hello client server exact"},
		{"version, wrong in the ServerHello", "TLS 1.2", "C:client_hello/215 S:server_hello/81 C:RST", clientSays("WRONG_SSL_VERSION", ""), "failed protocol_version server_hello client server exact"},
		{"the peer's alert about the version", "", hello + "S:alert(2,70) S:FIN", clientSays("TLSV1_ALERT_PROTOCOL_VERSION", ""), "failed protocol_version client_hello server unknown exact"},
		{"ALPN", "", hello + "S:alert(2,120) S:FIN", serverSays("NO_APPLICATION_PROTOCOL", ""), "failed no_shared_alpn client_hello server client exact"},
		{"ALPN, without an alert", "", noAnswer, serverSays("NO_APPLICATION_PROTOCOL", ""), "failed no_shared_alpn client_hello server client exact"},
		{"signature algorithms", "", hello + "S:alert(2,40) S:FIN", serverSays("NO_SHARED_SIGNATURE_ALGORITHMS", ""), "failed negotiation_failed client_hello server client exact"},
		{"the server has no certificate", "", hello + "S:alert(2,80) S:FIN", serverSays("NO_CERTIFICATE_SET", ""), "failed internal_error client_hello server server exact"},
		{"a signature by another key", "TLS 1.3", alerts13, clientSays("BAD_SIGNATURE", ""), "failed key_mismatch finished client server exact"},
		{"no cipher, though the server has chosen one", "TLS 1.2", "C:client_hello/215 S:server_hello/93 S:FIN", serverSays("NO_SHARED_CIPHER", ""), "failed closed_by_server server_hello server server derived"},
		{"no cipher, though the client left", "", hello + "C:FIN", serverSays("NO_SHARED_CIPHER", ""), "failed closed_by_client client_hello client client derived"},
		{"no cipher, and no hello was seen to end", "", hello + "S:gap(reordered) C:FIN", serverSays("NO_SHARED_CIPHER", ""), "failed no_shared_cipher client_hello server unknown exact"},
		{"a client that has nothing to offer", "", "C:FIN", clientSays("NO_PROTOCOLS_AVAILABLE", ""), "failed protocol_version client_hello client client exact"},
		{"a client without ciphers", "", "C:RST", clientSays("NO_CIPHERS_AVAILABLE", ""), "failed no_shared_cipher client_hello client client exact"},
		{"a client without ciphers, and the server left", "", "S:FIN", clientSays("NO_CIPHERS_AVAILABLE", ""), "noise probe client_hello - - -"},
		{"a connection that was refused", "", "", both(connecting(event.CloseRefused, "ECONNREFUSED", 0, 0.001), clientSays(verifyFailed, v+"CERT_HAS_EXPIRED")), "failed connection_refused connect server server exact"},
	})
}

func TestLibraryAlerts(t *testing.T) {
	number := func(side event.Side, code int64) func(*event.Event) {
		return func(e *event.Event) { e.Library = &event.Library{Side: side, ErrorCode: code} }
	}
	judgeRows(t, []row{
		{"OpenSSL server got unknown_ca", "TLS 1.3", alerts13, serverSays("TLSV1_ALERT_UNKNOWN_CA", ""), "failed unknown_ca" + certExact},
		{"BoringSSL server got bad_certificate", "TLS 1.3", alerts13, serverSays("SSLV3_ALERT_BAD_CERTIFICATE", ""), "failed bad_certificate" + certExact},
		{"Go server got certificate_expired", "TLS 1.3", alerts13, serverSays("received certificate_expired", ""), "failed certificate_expired" + certExact},
		{"by its number alone", "TLS 1.3", alerts13, number(event.Server, 1045), "failed certificate_expired" + certExact},
		{"client got unknown_ca", "TLS 1.3", refuses13, clientSays("TLSV1_ALERT_UNKNOWN_CA", ""), "failed unknown_ca" + ownExact},
		{"client got certificate_required", "TLS 1.3", absent13, clientSays("TLSV13_ALERT_CERTIFICATE_REQUIRED", ""), "failed client_certificate_required" + ownExact},
		{"the same of BoringSSL", "TLS 1.3", absent13, clientSays("TLSV1_ALERT_CERTIFICATE_REQUIRED", ""), "failed client_certificate_required" + ownExact},
		{"client got handshake_failure for no certificate", "TLS 1.3", absent13, clientSays("SSLV3_ALERT_HANDSHAKE_FAILURE", ""), missingCert},
		{"client got handshake_failure", "", "C:client_hello/215 S:FIN", clientSays("HANDSHAKE_FAILURE_ON_CLIENT_HELLO", ""), "failed negotiation_failed client_hello server unknown exact"},
		{"client got unrecognized_name", "", "C:client_hello/215 S:alert(2,112) S:FIN", clientSays("TLSV1_UNRECOGNIZED_NAME", ""), "failed unrecognized_name client_hello server client exact"},
		{"an alert that has no name", "TLS 1.3", alerts13, number(event.Server, 1199), serverCert},
		{"an alert that OpenSSL does not know", "", "C:client_hello/215 S:gap(reordered) S:FIN", clientSays("received alert(121)", ""), "failed negotiation_failed client_hello server client exact"},
		{"part of the stream lost", "TLS 1.3", flight13 + "C:gap(reordered) C:FIN", serverSays("TLSV1_ALERT_UNKNOWN_CA", ""), "failed unknown_ca" + certExact},
		{"user canceled", "TLS 1.2", flight12 + keys12 + "C:alert/26 C:FIN", serverSays("TLSV1_ALERT_USER_CANCELLED", ""), "failed closed_by_client finished client client exact"},
		{"TLS 1.2, an encrypted alert", "TLS 1.2", flight12 + keys12 + "C:alert/26 C:FIN", serverSays("TLSV1_ALERT_INTERNAL_ERROR", ""), "failed internal_error finished client client exact"},
		{"close_notify is no error", "TLS 1.3", alerts13, serverSays("SSLV3_ALERT_CLOSE_NOTIFY", ""), serverCert},
		{"the other side sent the alert", "TLS 1.3", flight13 + "C:alert(2,48) C:FIN", clientSays("TLSV1_ALERT_DECODE_ERROR", ""), "failed unknown_ca" + certExact},

		{"Go client sent bad_certificate", "TLS 1.3", alerts13, clientSays("bad_certificate", ""), "failed bad_certificate" + certExact},
		{"and its error says expired", "TLS 1.3", alerts13, clientSays("bad_certificate", "x509.CertificateInvalidError"), "failed certificate_expired" + certExact},
		{"and its error says authority", "TLS 1.3", alerts13, clientSays("bad_certificate", "x509.UnknownAuthorityError"), "failed unknown_ca" + certExact},
		{"and its error says name", "TLS 1.3", alerts13, clientSays("bad_certificate", "x509.HostnameError"), "failed name_mismatch" + certExact},
		{"GnuTLS client sent certificate_expired", "TLS 1.3", alerts13, clientSays("certificate_expired", ""), "failed certificate_expired" + certExact},
		{"Go server sent unknown_ca", "TLS 1.3", refuses13, serverSays("unknown_ca", ""), "failed unknown_ca" + ownExact},
		{"Go server sent certificate_required", "TLS 1.3", absent13, serverSays("certificate_required", ""), "failed client_certificate_required" + ownExact},
		{"Go server sent protocol_version", "", "C:client_hello/215 S:alert(2,70) S:FIN", both(versions("TLS 1.1"), serverSays("protocol_version", "")), "failed protocol_version client_hello server client exact"},
		{"GnuTLS server sent no_application_protocol", "", noAnswer, serverSays("no_application_protocol", ""), "failed no_shared_alpn client_hello server client exact"},
	})
}

func TestLibraryMeetsPlaintext(t *testing.T) {
	judgeRows(t, []row{
		{"HTTP to a port nobody knew", "", "C:raw/80 S:FIN", both(preface(event.PrefaceHTTP), serverSays("HTTP_REQUEST", "")), "failed plaintext_to_tls client_hello server client exact"},
		{"HTTP to a TLS port", "", "C:raw/80 S:RST", both(listener(event.PrefaceHTTP), serverSays("HTTP_REQUEST", "")), "failed plaintext_to_tls client_hello server client exact"},
		{"a proxy's CONNECT", "", "C:raw/80 S:alert(2,50) S:FIN", both(listener(event.PrefaceConnect), serverSays("HTTPS_PROXY_REQUEST", "")), "failed plaintext_to_tls client_hello server client exact"},
		{"SMTP", "", "C:raw/20 S:alert(2,70) S:FIN", both(listener(event.PrefaceSMTP), serverSays("WRONG_VERSION_NUMBER", "")), "failed plaintext_to_tls client_hello server client exact"},
		{"garbage", "", "C:raw/100 S:FIN", serverSays("WRONG_VERSION_NUMBER", ""), "failed malformed client_hello server client exact"},
		{"the port serves both", "", "C:raw/80 S:raw/4000 S:FIN", both(preface(event.PrefaceHTTP), serverSays("HTTP_REQUEST", "")), "noise scan preface - - -"},
		{"plain TCP and a library that says nothing of it", "", "C:raw/80 S:FIN", serverSays("UNEXPECTED_EOF_WHILE_READING", ""), "noise scan client_hello - - -"},
		{"plain HTTP, server's verify result", "", "C:raw/80 S:raw/400 S:FIN", serverSays("", v+"CERT_HAS_EXPIRED"), "noise scan client_hello - - -"},
		{"health probe", "", "C:FIN", serverSays("WRONG_VERSION_NUMBER", ""), "noise probe client_hello - - -"},
		{"client meets plaintext", "", "C:client_hello/215 S:plain/400 S:FIN", clientSays("WRONG_VERSION_NUMBER", ""), "failed tls_to_plaintext client_hello server client exact"},
		{"client meets plaintext and leaves", "", "C:client_hello/215 S:plain/400 C:alert(2,70) C:FIN", clientSays("WRONG_VERSION_NUMBER", ""), "failed tls_to_plaintext client_hello client client exact"},
		{"client meets a record of another version", "TLS 1.2", "C:client_hello/215 S:server_hello/90 C:RST", clientSays("WRONG_VERSION_NUMBER", ""), "failed protocol_version server_hello client server exact"},
		{"no certificate in plaintext", "", "C:client_hello/215 S:plain/400 C:FIN", clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "failed tls_to_plaintext client_hello client client derived"},
	})
}

// What a library says because the other side refused it in a way that it cannot read (FACTS of real pairs: an OpenSSL client's
// alert in clear, met by BoringSSL and by Go).
func TestTheWireWins(t *testing.T) {
	refused := flight13 + "C:alert(2,48) C:FIN S:FIN"
	rows := []row{
		{"BoringSSL server, length", "TLS 1.3", refused, serverSays("BAD_PACKET_LENGTH", ""), "failed unknown_ca" + certExact},
		{"BoringSSL server, MAC", "TLS 1.3", refused, serverSays("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", ""), "failed unknown_ca" + certExact},
		{"Go server", "TLS 1.3", flight13 + "C:alert(2,48) S:alert(2,20) C:FIN", serverSays("bad_record_mac", ""), "failed unknown_ca" + certExact},
		{"server with an unexpected record", "TLS 1.3", alerts13, serverSays("UNEXPECTED_RECORD", ""), serverCert},
	}
	judgeRows(t, rows)
	for _, r := range rows {
		got := Judge(r.event(t)).Verdict
		if !strings.Contains(got.Hint, "The server's library reported ") || !strings.Contains(got.Hint, "that is a consequence of how the client ended it") {
			t.Errorf("%s: the hint does not say that it is a consequence: %q", r.name, got.Hint)
		}
	}
	judgeRows(t, []row{
		{"a MAC that is really wrong", "TLS 1.2", flight12 + keys12 + "S:FIN", serverSays("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", ""), "failed key_mismatch finished server client exact"},
		{"a MAC, and the server refused a certificate", "TLS 1.3", refuses13, serverSays("DECRYPTION_FAILED", ""), refusedCert},
		{"a MAC, and too much was lost", "TLS 1.3", flight13 + "C:gap(reordered) C:FIN", serverSays("DECRYPTION_FAILED", ""), "undecided - server_certificate - - -"},
		{"the network ended it", "", "C:client_hello/512 N:RST", serverSays("NO_SHARED_CIPHER", ""), "failed reset_in_between client_hello network network derived"},
		{"a library of nobody's", "TLS 1.3", alerts13, says("", verifyFailed, v+"CERT_HAS_EXPIRED"), serverCert},
		{"a library of the network's", "TLS 1.3", alerts13, says(event.Network, verifyFailed, v+"CERT_HAS_EXPIRED"), serverCert},
		{"an error after success", "TLS 1.3", flight13 + "C:ccs C:app/69 S:app/250 C:FIN", serverSays("DECRYPTION_FAILED", ""), succeededRow},
		{"a refusal after success", "TLS 1.2", flight12 + keys12 + done12 + "C:FIN", clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), succeededRow},
	})
}

// The reason is the same whichever end's library is heard.
func TestEitherLibraryWillDo(t *testing.T) {
	for _, c := range []struct {
		name, version, tape string
		a, b                func(*event.Event)
	}{
		{"unknown authority", "TLS 1.3", alerts13, clientSays(verifyFailed, v+"UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), serverSays("TLSV1_ALERT_UNKNOWN_CA", "")},
		{"client certificate expired", "TLS 1.3", refuses13, serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), clientSays("SSLV3_ALERT_CERTIFICATE_EXPIRED", "")},
		{"client certificate missing", "TLS 1.3", absent13, serverSays("PEER_DID_NOT_RETURN_A_CERTIFICATE", ""), clientSays("TLSV13_ALERT_CERTIFICATE_REQUIRED", "")},
		{"version", "", "C:client_hello/215 S:alert(2,70) S:FIN", serverSays("UNSUPPORTED_PROTOCOL", ""), clientSays("TLSV1_ALERT_PROTOCOL_VERSION", "")},
		{"ALPN", "", "C:client_hello/215 S:alert(2,120) S:FIN", serverSays("NO_APPLICATION_PROTOCOL", ""), clientSays("TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "")},
		{"Go to Go", "TLS 1.3", alerts13, clientSays("bad_certificate", ""), serverSays("received bad_certificate", "")},
		{"plaintext alert met by BoringSSL", "TLS 1.3", flight13 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, v+"UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), serverSays("BAD_PACKET_LENGTH", "")},
	} {
		one := Judge(row{version: c.version, tape: c.tape, also: c.a}.event(t))
		other := Judge(row{version: c.version, tape: c.tape, also: c.b}.event(t))
		if told(one) != told(other) {
			t.Errorf("%s: %s by one, %s by the other", c.name, told(one), told(other))
		}
	}
}

func TestLibrarySummaries(t *testing.T) {
	deep := func(e *event.Event) { e.Library.VerifyDepth = 1 }
	for _, c := range []struct {
		version, tape string
		also          func(*event.Event)
		summary, hint string // the hint's beginning
	}{
		{"TLS 1.3", alerts13, clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "The client refused the server's certificate: it has expired (X509_V_ERR_CERT_HAS_EXPIRED).", "Renew"},
		{"TLS 1.3", alerts13, both(clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), deep), "The client refused the server's certificate: the certificate at depth 1 of its chain has expired (X509_V_ERR_CERT_HAS_EXPIRED).", "Renew"},
		{"TLS 1.3", alerts13, clientSays(verifyFailed, v+"PATH_LOOP"), "The client refused the server's certificate: it did not verify: path loop (X509_V_ERR_PATH_LOOP).", "Check the certificate's"},
		{"TLS 1.3", alerts13, clientSays(verifyFailed, "X509_V_ERR(999)"), "The client refused the server's certificate: it did not verify, with result 1 (CERTIFICATE_VERIFY_FAILED).", "Check the server certificate's"},
		{"TLS 1.3", alerts13, clientSays(verifyFailed, "\x1b[2J"), "The client refused the server's certificate: it did not verify, with result 1 (CERTIFICATE_VERIFY_FAILED).", "Check the server certificate's"},
		{"TLS 1.3", alerts13, clientSays(verifyFailed, ""), "The client refused the server's certificate (CERTIFICATE_VERIFY_FAILED).", "Check the server certificate's"},
		{"TLS 1.3", leaves13, clientSays("", "X509_V_ERR(7)"), "The client refused the server's certificate: it did not verify, with result 1.", "Check the server certificate's"},
		{"TLS 1.3", alerts13, clientSays("bad_certificate", "x509.HostnameError"), "The client refused the server's certificate: it is for another name (x509.HostnameError).", "The client sent no server name."},
		{"TLS 1.3", refuses13, serverSays(verifyFailed, v+"CERT_HAS_EXPIRED"), "The server refused the client's certificate: it has expired (X509_V_ERR_CERT_HAS_EXPIRED).", "It is the client's certificate, judged by the server"},
		{"", noAnswer, both(ciphers("TLS_RSA_WITH_RC4_128_SHA"), serverSays("NO_SHARED_CIPHER", "")), "The server's library said that no cipher is common to both sides (NO_SHARED_CIPHER).", "The client offered ciphers TLS_RSA_WITH_RC4_128_SHA."},
		{"TLS 1.3", alerts13, serverSays("TLSV1_ALERT_UNKNOWN_CA", ""), "The client refused the server's certificate: it said that the certificate's issuer is not one that it trusts (unknown_ca, alert 48).", "Check that the whole chain"},
		{"", noAnswer, serverSays("reason(1234)", ""), "The server closed the connection after the ClientHello, before any answer.", "This port was not seen to speak TLS: is it a plaintext port? The server's library reported \"reason(1234)\". Check"},
		{"", noAnswer, serverSays("\x1b[31mevil", ""), "The server closed the connection after the ClientHello, before any answer.", `This port was not seen to speak TLS: is it a plaintext port? The server's library reported "\x1b[31mevil". Check`},
		{"TLS 1.2", flight12 + "C:alert(2,48) C:FIN", clientSays(verifyFailed, v+"HOSTNAME_MISMATCH"), "The client refused the server's certificate: it said that the certificate's issuer is not one that it trusts (unknown_ca, alert 48).", "The client's library reported CERTIFICATE_VERIFY_FAILED, which does not fit what was seen on the wire: the wire is believed."},
	} {
		got := Judge(row{version: c.version, tape: c.tape, also: c.also}.event(t)).Verdict
		if got.Summary != c.summary || !strings.HasPrefix(got.Hint, c.hint) {
			t.Errorf("%s\n got %q\n     %q\nwant %q\n     %q", c.tape, got.Summary, got.Hint, c.summary, c.hint)
		}
	}
}

// A library that got an encrypted alert, or sent it, knows what was in it.
func TestLibraryOpensTheEncryptedAlert(t *testing.T) {
	for _, c := range []struct {
		name, tape string
		also       func(*event.Event)
		sender     event.Side
		code       int
	}{
		{"received", alerts13, serverSays("TLSV1_ALERT_UNKNOWN_CA", ""), event.Client, 48},
		{"received by the client", refuses13, clientSays("SSLV3_ALERT_CERTIFICATE_EXPIRED", ""), event.Server, 45},
		{"sent", alerts13, clientSays("bad_certificate", ""), event.Client, 42},
		{"sent for a reason that is known", alerts13, clientSays("bad_certificate", "x509.HostnameError"), event.Client, 42},
		{"an error tells no alert", alerts13, clientSays(verifyFailed, v+"CERT_HAS_EXPIRED"), event.Client, -1},
		{"the other side's alert", alerts13, clientSays("TLSV1_ALERT_DECODE_ERROR", ""), event.Client, -1},
	} {
		a := Judge(row{version: "TLS 1.3", tape: c.tape, also: c.also}.event(t)).Alert
		switch {
		case a == nil || a.Sender != c.sender || !a.Encrypted:
			t.Errorf("%s: got %+v", c.name, a)
		case c.code < 0 && (a.Code != nil || a.Name != ""):
			t.Errorf("%s: got %s out of nothing", c.name, a.Name)
		case c.code >= 0 && (a.Code == nil || int(*a.Code) != c.code || a.Name != alertTable[c.code].name):
			t.Errorf("%s: got %+v, want %d", c.name, a, c.code)
		}
	}
}

func TestGnuTLSAndGoInTheirOwnWords(t *testing.T) {
	const invalid = "GNUTLS_CERT_INVALID|"
	judgeRows(t, []row{
		{"GnuTLS, expired", "TLS 1.3", alerts13, clientSays("bad_certificate", invalid+"GNUTLS_CERT_EXPIRED"), "failed certificate_expired" + certExact},
		{"GnuTLS, not yet valid", "TLS 1.3", alerts13, clientSays("bad_certificate", invalid+"GNUTLS_CERT_NOT_ACTIVATED"), "failed certificate_not_yet_valid" + certExact},
		{"GnuTLS, name", "TLS 1.3", alerts13, clientSays("CERTIFICATE_ERROR", "GNUTLS_CERT_UNEXPECTED_OWNER"), "failed name_mismatch" + certExact},
		{"GnuTLS, the authority comes before the date", "TLS 1.3", alerts13, clientSays("bad_certificate", invalid+"GNUTLS_CERT_SIGNER_NOT_FOUND|GNUTLS_CERT_EXPIRED"), "failed unknown_ca" + certExact},
		{"GnuTLS, an unknown bit", "TLS 1.3", alerts13, clientSays("bad_certificate", invalid+"GNUTLS_CERT(0x400000)"), "failed server_certificate_rejected" + certExact},
		{"gnutls-serv says access_denied", "TLS 1.3", refuses13, serverSays("access_denied", invalid+"GNUTLS_CERT_EXPIRED"), "failed certificate_expired" + ownExact},
		{"GnuTLS, no certificate", "TLS 1.3", absent13, serverSays("CERTIFICATE_REQUIRED", ""), "failed client_certificate_required" + ownExact},
		{"GnuTLS does not tell versions from ciphers", "", "C:client_hello/215 S:alert(2,40) S:FIN", serverSays("NO_CIPHER_SUITES", ""), "failed negotiation_failed client_hello server unknown exact"},
		{"Go, not yet valid", "TLS 1.3", alerts13, clientSays("bad_certificate", goNotYetValid), "failed certificate_not_yet_valid" + certExact},
		{"Go, no cipher", "", "C:client_hello/215 S:alert(2,40) S:FIN", serverSays("no cipher suite supported by both client and server", ""), "failed no_shared_cipher client_hello server unknown exact"},
		{"Go, no group", "", "C:client_hello/215 S:alert(2,40) S:FIN", serverSays("no key exchanges supported by both client and server", ""), "failed no_shared_group client_hello server unknown exact"},
	})
}
