package verdict

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestEnding(t *testing.T) {
	hello := "C:client_hello/512 "
	judgeRows(t, []row{
		{"server resets the hello", "", hello + "S:RST", nil, "failed reset_by_server client_hello server server derived"},
		{"client resets after the hello", "", hello + "C:RST", nil, "failed reset_by_client client_hello client client derived"},
		{"server closes after the hello", "", hello + "S:FIN", nil, "failed closed_by_server client_hello server server derived"},
		{"client closes after the hello", "", hello + "C:FIN", nil, "failed closed_by_client client_hello client client derived"},
		{"client closes, then a late reset by the server", "", hello + "C:FIN S:RST", nil, "failed closed_by_client client_hello client client derived"},
		{"neither end sent the reset", "", hello + "N:RST", nil, "failed reset_in_between client_hello network network derived"},
		{"the network ended it", "", hello + "C:RST", func(e *event.Event) { e.TCP.ClosedBy, e.TCP.ResetBy = event.Network, "" }, "failed reset_in_between client_hello network network derived"},
		{"only the reset's sender is known", "", hello + "S:RST", func(e *event.Event) { e.TCP.ClosedBy = "" }, "failed reset_by_server client_hello server server derived"},
		{"nobody knows who ended it", "", hello + "S:FIN", func(e *event.Event) { e.TCP.ClosedBy = event.Unknown }, "undecided - client_hello - - -"},
		{"still open", "", hello, func(e *event.Event) { e.TCP.How = event.CloseOpen }, "undecided - client_hello - - -"},

		{"silent server, client gives up by FIN", "", hello + "+3000ms C:FIN", nil, "failed handshake_timeout client_hello client server derived"},
		{"silent server, client gives up by RST", "", hello + "+3000ms C:RST", nil, "failed handshake_timeout client_hello client server derived"},
		{"silent server closes after long", "", hello + "+3000ms S:FIN", nil, "failed closed_by_server client_hello server server derived"},
		{"kernel gives up, nothing acknowledged", "", hello + "+9000ms C:KTO", func(e *event.Event) { e.TCP.Retransmits = 9 }, "failed handshake_timeout client_hello client network derived"},
		{"kernel gives up, keepalive", "", hello + "+9000ms C:KTO", nil, "failed handshake_timeout client_hello client server derived"},
		{"kernel gives up, seen from the client", "", hello + "+9000ms N:KTO", func(e *event.Event) { e.ObservedFrom, e.TCP.ClosedBy = event.FromClient, event.Network }, "failed handshake_timeout client_hello client server derived"},
		{"kernel gives up, seen from the server", "", hello + "+9000ms N:KTO", func(e *event.Event) { e.ObservedFrom, e.TCP.Retransmits = event.FromServer, 3 }, "failed handshake_timeout client_hello server network derived"},
		{"kernel gives up, side unknown", "", hello + "+9000ms N:KTO", nil, "failed handshake_timeout client_hello unknown server derived"},

		{"half a hello and gone", "", hello + "C:FIN", func(e *event.Event) { e.TCP.ClientBytes = 100 }, "failed closed_by_client client_hello client client derived"},
		{"half a hello, then silence", "", hello + "+9000ms S:FIN", func(e *event.Event) { e.TCP.ClientBytes = 100 }, "failed handshake_timeout client_hello server client derived"},

		{"lost client side, no answer", "", hello + "C:gap(reordered) S:RST", nil, "failed reset_by_server client_hello server server derived"},
		{"lost server side, no answer seen", "", hello + "S:gap(reordered) C:FIN", nil, "undecided - client_hello - - -"},
		{"long trail, no answer seen", "", hello + "C:gap(trail) C:FIN", nil, "undecided - client_hello - - -"},
	})
}

func TestSilentPlaintextPortIsSuspected(t *testing.T) {
	const doubt = "This port was not seen to speak TLS"
	e := tape(t, "", "C:client_hello/512 +3000ms C:FIN")
	if got := Judge(e).Verdict.Hint; !strings.Contains(got, doubt) {
		t.Errorf("got %q", got)
	}
	e.TCP.TLSListener = true
	if got := Judge(e).Verdict.Hint; strings.Contains(got, doubt) {
		t.Errorf("got %q for a port that speaks TLS", got)
	}
}

func TestTimeoutNamesTheSilence(t *testing.T) {
	got := Judge(tape(t, "", "C:client_hello/512 +3000ms C:FIN")).Verdict.Summary
	want := "The client gave up waiting for the server (3.0 s of silence)."
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
