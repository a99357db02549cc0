package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// An alert that comes after the other side has closed is what its sender made of that, not the cause.
func TestAnAlertThatAnswersACloseIsNotItsCause(t *testing.T) {
	code := uint8(50)
	e := event.Event{
		ObservedFrom: event.FromBoth,
		TLS:          &event.TLS{OfferedVersions: []string{"TLS 1.2"}},
		Alert:        &event.Alert{Sender: event.Client, Level: "fatal", Code: &code, Name: "decode_error"},
		Records: []event.Record{
			{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 201, At: 100},
			{From: event.Client, Type: "alert", Length: 2, At: 900},
		},
		TCP: event.TCP{ClosedBy: event.Server, How: event.CloseFIN, ClosedAt: 500, ClientBytes: 213},
	}
	if v := Judge(e).Verdict; v.Reason != event.ClosedByServer || v.GaveUp != event.Server {
		t.Errorf("alert after the close: %s, %s gave up", v.Reason, v.GaveUp)
	}
	e.TCP.ClosedAt = 950
	if v := Judge(e).Verdict; v.GaveUp != event.Client {
		t.Errorf("alert before the close: %s, %s gave up", v.Reason, v.GaveUp)
	}
}

// A server that says in clear that it was asked in clear has given up by saying so.
func TestAPlaintextAnswerOnATLSPortIsTheServersEnd(t *testing.T) {
	e := event.Event{
		ObservedFrom: event.FromBoth, Preface: event.PrefaceHTTP, Duration: 0.002,
		TCP: event.TCP{ClosedBy: event.Client, How: event.CloseFIN, ClosedAt: 1900, ClientBytes: 79, ServerBytes: 400, TLSListener: true, BadRequest: true},
	}
	if v := Judge(e).Verdict; v.Reason != event.PlaintextToTLS || v.GaveUp != event.Server {
		t.Errorf("%s, %s gave up", v.Reason, v.GaveUp)
	}
}
