package verdict

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestJudgeLog(t *testing.T) {
	const client, server, unknown = event.Client, event.Server, event.Unknown
	boring := func(side event.Side, code int64, text, verify string) event.Event {
		return event.Event{Library: &event.Library{Name: "BoringSSL", Side: side, ErrorCode: code, ErrorText: text, VerifyText: verify}}
	}
	said := func(library string, side event.Side, text string) event.Event {
		return event.Event{Library: &event.Library{Name: library, Side: side, ErrorText: text}}
	}
	named := func(e event.Event, sni string) event.Event {
		e.TLS = &event.TLS{SNI: sni}
		return e
	}
	tests := []struct {
		name           string
		event          event.Event
		outcome        event.Outcome
		reason         event.Reason
		gaveUp, lookAt event.Side
		phase          event.Phase
		confidence     event.Confidence
	}{
		{"client refuses, no detail", boring(client, 125, "CERTIFICATE_VERIFY_FAILED", ""),
			event.Failed, event.ServerCertificateRejected, client, server, event.PhaseServerCertificate, event.Exact},
		{"client refuses, expired", boring(client, 125, "CERTIFICATE_VERIFY_FAILED", "X509_V_ERR_CERT_HAS_EXPIRED"),
			event.Failed, event.CertificateExpired, client, server, event.PhaseServerCertificate, event.Exact},
		{"server refuses, issuer", boring(server, 125, "CERTIFICATE_VERIFY_FAILED", "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
			event.Failed, event.UnknownCA, server, client, event.PhaseClientCertificate, event.Exact},
		{"Envoy's own check of names", boring(client, 125, "CERTIFICATE_VERIFY_FAILED", "SAN matcher"),
			event.Failed, event.NameMismatch, client, server, event.PhaseServerCertificate, event.Exact},
		{"refused, on a side that is not told", boring(unknown, 125, "CERTIFICATE_VERIFY_FAILED", ""),
			event.Failed, event.BadCertificate, unknown, unknown, "", event.Derived},
		{"expired, on a side that is not told", boring(unknown, 125, "CERTIFICATE_VERIFY_FAILED", "X509_V_ERR_CERT_HAS_EXPIRED"),
			event.Failed, event.CertificateExpired, unknown, unknown, "", event.Exact},
		{"server misses a certificate", boring(server, 192, "PEER_DID_NOT_RETURN_A_CERTIFICATE", ""),
			event.Failed, event.ClientCertificateRequired, server, client, event.PhaseClientCertificate, event.Exact},
		{"client is told that one is required", boring(client, 1116, "TLSV1_ALERT_CERTIFICATE_REQUIRED", ""),
			event.Failed, event.ClientCertificateRequired, server, client, event.PhaseClientCertificate, event.Exact},
		{"client is told that its certificate has expired", boring(client, 1045, "SSLV3_ALERT_CERTIFICATE_EXPIRED", ""),
			event.Failed, event.CertificateExpired, server, client, event.PhaseClientCertificate, event.Exact},
		{"server is told that its issuer is unknown", boring(server, 1048, "TLSV1_ALERT_UNKNOWN_CA", ""),
			event.Failed, event.UnknownCA, client, server, event.PhaseServerCertificate, event.Exact},
		{"an alert by its number", boring(client, 1070, "", ""),
			event.Failed, event.ProtocolVersion, server, unknown, event.PhaseClientHello, event.Exact},
		{"handshake_failure: when is not told", boring(client, 1040, "SSLV3_ALERT_HANDSHAKE_FAILURE", ""),
			event.Failed, event.NegotiationFailed, server, unknown, "", event.Exact},
		{"handshake_failure on the hello", boring(client, 154, "HANDSHAKE_FAILURE_ON_CLIENT_HELLO", ""),
			event.Failed, event.NegotiationFailed, server, unknown, event.PhaseClientHello, event.Exact},
		{"client meets plaintext", boring(client, 247, "WRONG_VERSION_NUMBER", ""),
			event.Failed, event.TLSToPlaintext, client, client, event.PhaseClientHello, event.Exact},
		{"server is spoken to in HTTP", boring(server, 156, "HTTP_REQUEST", ""),
			event.Failed, event.PlaintextToTLS, server, client, event.PhaseClientHello, event.Exact},
		{"server is spoken to in no TLS", boring(server, 247, "WRONG_VERSION_NUMBER", ""),
			event.Failed, event.Malformed, server, client, event.PhaseClientHello, event.Exact},
		{"no TLS, on a side that is not told", boring(unknown, 247, "WRONG_VERSION_NUMBER", ""),
			event.Failed, event.Malformed, unknown, unknown, "", event.Derived},
		{"a mere symptom", boring(server, 137, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC", ""),
			event.Failed, event.KeyMismatch, server, unknown, "", event.Inferred},
		{"an error that says little", boring(client, 190, "PARSE_TLSEXT", ""),
			event.Failed, event.NegotiationFailed, client, unknown, "", event.Inferred},
		{"an error without a name", boring(client, 999, "", ""),
			event.Failed, event.NegotiationFailed, client, unknown, "", event.Inferred},
		{"no secret", said("Envoy", client, "Secret is not supplied by SDS"),
			event.Failed, event.InternalError, client, client, "", event.Exact},
		{"no filter chain", said("Envoy", server, "filter_chain_not_found"),
			event.Failed, event.PlaintextToTLS, server, client, event.PhaseClientHello, event.Inferred},
		{"no filter chain for a name", named(said("Envoy", server, "filter_chain_not_found"), "a.example"),
			event.Failed, event.UnrecognizedName, server, unknown, event.PhaseClientHello, event.Inferred},
		{"rustls: no certificate", said("rustls", server, "NoCertificatesPresented"),
			event.Failed, event.ClientCertificateRequired, server, client, event.PhaseClientCertificate, event.Exact},
		{"rustls: issuer", said("rustls", client, "InvalidCertificate(UnknownIssuer)"),
			event.Failed, event.UnknownCA, client, server, event.PhaseServerCertificate, event.Exact},
		{"rustls: a refusal of another kind", said("rustls", client, "InvalidCertificate(BadEncoding)"),
			event.Failed, event.ServerCertificateRejected, client, server, event.PhaseServerCertificate, event.Exact},
		{"rustls: an alert", said("rustls", client, "received certificate_expired"),
			event.Failed, event.CertificateExpired, server, client, event.PhaseClientCertificate, event.Exact},
		{"ztunnel: strict", said("ztunnel", server, "istio_converted_static_strict"),
			event.Failed, event.PlaintextToTLS, server, client, event.PhaseClientHello, event.Derived},
		{"ztunnel: waited", said("ztunnel", server, "Timeout during TLS handshake"),
			event.Failed, event.HandshakeTimeout, server, client, "", event.Exact},
		{"ztunnel: left alone", said("ztunnel", server, "tls handshake eof"),
			event.Failed, event.ClosedByClient, client, client, "", event.Exact},
		{"Go: plaintext", said("Go", server, "client sent an HTTP request to an HTTPS server"),
			event.Failed, event.PlaintextToTLS, server, client, event.PhaseClientHello, event.Exact},
		{"reset by the server", event.Event{TCP: event.TCP{Error: "ECONNRESET", How: event.CloseRST, ResetBy: server, ClosedBy: server}},
			event.Failed, event.ResetByServer, server, server, "", event.Derived},
		{"closed by the client", event.Event{TCP: event.TCP{Error: "EPIPE", How: event.CloseFIN, ClosedBy: client}},
			event.Failed, event.ClosedByClient, client, client, "", event.Derived},
		{"timed out", event.Event{TCP: event.TCP{Error: "ETIMEDOUT", How: event.CloseTimeout, ClosedBy: client}},
			event.Failed, event.HandshakeTimeout, client, server, "", event.Exact},
		{"reset, at a time that is not told", event.Event{TCP: event.TCP{Error: "ECONNRESET"}},
			event.Undecided, "", "", "", "", ""},
		{"nothing", event.Event{}, event.Undecided, "", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.event.ObservedFrom = event.FromLog
			got := JudgeLog(tt.event)
			v := got.Verdict
			if got.Outcome != tt.outcome || v.Reason != tt.reason || v.GaveUp != tt.gaveUp || v.LookAt != tt.lookAt ||
				v.Phase != tt.phase || v.Confidence != tt.confidence || v.Layer != tt.reason.Layer() {
				t.Errorf("got %s %+v", got.Outcome, v)
			}
			if !strings.HasSuffix(v.Summary, ".") || strings.Contains(v.Hint, "sent no server name") {
				t.Errorf("summary %q, hint %q", v.Summary, v.Hint)
			}
			if got.Library != tt.event.Library {
				t.Errorf("the library's own words became %+v", got.Library)
			}
			if again := JudgeLog(got); !reflect.DeepEqual(again, got) {
				t.Errorf("judged again: %+v, want %+v", again, got)
			}
		})
	}
}

func TestJudgeLogTellsAReceivedAlert(t *testing.T) {
	got := JudgeLog(event.Event{Library: &event.Library{Name: "BoringSSL", Side: event.Client, ErrorCode: 1048, ErrorText: "TLSV1_ALERT_UNKNOWN_CA"}})
	if a := got.Alert; a == nil || a.Sender != event.Server || a.Code == nil || *a.Code != 48 || a.Name != "unknown_ca" {
		t.Errorf("alert %+v", a)
	}
}

func TestComplete(t *testing.T) {
	closed := Judge(event.Event{
		ObservedFrom: event.FromClient, TLS: &event.TLS{OfferedVersions: []string{"TLS 1.3"}},
		Records: []event.Record{{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 500}},
		TCP:     event.TCP{ClosedBy: event.Server, How: event.CloseFIN, ClientBytes: 505},
	})
	if closed.Verdict.Reason != event.ClosedByServer {
		t.Fatalf("the event to complete: %+v", closed.Verdict)
	}
	log := JudgeLog(event.Event{ObservedFrom: event.FromLog, Library: &event.Library{
		Name: "BoringSSL", Side: event.Server, ErrorCode: 184, ErrorText: "NO_SHARED_CIPHER"}})
	if got := Complete(closed, log); got.Verdict.Reason != event.NoSharedCipher || got.Library != log.Library || got.ObservedFrom != event.FromClient {
		t.Errorf("completed: %+v, library %+v", got.Verdict, got.Library)
	}
	told := closed
	told.Verdict.Reason = event.UnknownCA
	if got := Complete(told, log); !reflect.DeepEqual(got, told) {
		t.Errorf("an event that tells its reason became %+v", got.Verdict)
	}
	fine := event.Event{Outcome: event.Succeeded}
	if got := Complete(fine, log); !reflect.DeepEqual(got, fine) {
		t.Errorf("a success became %+v", got)
	}
}
