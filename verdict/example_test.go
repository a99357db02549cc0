package verdict_test

import (
	"fmt"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

// A server answers the ClientHello with the alert that it speaks none of the versions offered.
func ExampleJudge() {
	code := uint8(70)
	e := verdict.Judge(event.Event{
		TLS:   &event.TLS{OfferedVersions: []string{"TLS 1.1", "TLS 1.0"}},
		Alert: &event.Alert{Sender: event.Server, Level: "fatal", Code: &code},
		TCP:   event.TCP{ClosedBy: event.Server, How: event.CloseFIN, ClientBytes: 205, ServerBytes: 7},
		Records: []event.Record{
			{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 200},
			{From: event.Server, Type: "alert", Length: 2},
		},
	})
	fmt.Println(e.Verdict.Reason, e.Verdict.Phase, e.Verdict.Confidence)
	fmt.Println("gave up:", e.Verdict.GaveUp, "look at:", e.Verdict.LookAt)
	fmt.Println(e.Verdict.Summary)
	// Output:
	// protocol_version client_hello exact
	// gave up: server look at: client
	// The server said that it does not support the protocol version (protocol_version, alert 70).
}
