package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestLight(t *testing.T) {
	refused := &event.Library{Name: "openssl", Side: event.Client, ErrorCode: 134, ErrorText: "CERTIFICATE_VERIFY_FAILED",
		VerifyCode: 10, VerifyText: "X509_V_ERR_CERT_HAS_EXPIRED"}
	symptom := &event.Library{Name: "openssl", Side: event.Client, ErrorCode: 294, ErrorText: "UNEXPECTED_EOF_WHILE_READING"}
	for _, tc := range []struct {
		name    string
		how     event.Close
		by      event.Side
		library *event.Library
		outcome event.Outcome
		reason  event.Reason
		gaveUp  event.Side
	}{
		{"the library says why", event.CloseFIN, event.Client, refused, event.Failed, event.CertificateExpired, event.Client},
		{"a library that complains of the other's end", event.CloseFIN, event.Server, symptom, event.Undecided, "", ""},
		{"closed, and nobody says why", event.CloseFIN, event.Client, nil, event.Undecided, "", ""},
		{"reset by the server", event.CloseRST, event.Server, nil, event.Failed, event.ResetByServer, event.Server},
		{"reset by the client", event.CloseRST, event.Client, nil, event.Failed, event.ResetByClient, event.Client},
		{"the kernel gave up", event.CloseTimeout, event.Network, nil, event.Failed, event.HandshakeTimeout, event.Client},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := Judge(event.Event{
				Light: true, ObservedFrom: event.FromClient, Library: tc.library,
				TCP: event.TCP{How: tc.how, ClosedBy: tc.by, ClientBytes: 517, ServerBytes: 2048},
			})
			if e.Outcome != tc.outcome || e.Verdict.Reason != tc.reason || e.Verdict.GaveUp != tc.gaveUp {
				t.Errorf("%s %s, %s gave up: %s", e.Outcome, e.Verdict.Reason, e.Verdict.GaveUp, e.Verdict.Summary)
			}
			if e.Outcome == event.Failed && e.Verdict.Confidence != event.Inferred {
				t.Errorf("confidence %s", e.Verdict.Confidence)
			}
			if e.Verdict.Phase != "" && tc.library == nil {
				t.Errorf("phase %s of a connection at which nobody looked", e.Verdict.Phase)
			}
		})
	}
}
