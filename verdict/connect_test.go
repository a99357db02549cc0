package verdict

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func connecting(how event.Close, errno string, retransmits uint32, duration float64) func(*event.Event) {
	return func(e *event.Event) {
		e.TLS = nil
		e.TCP = event.TCP{How: how, Error: errno, Retransmits: retransmits}
		e.Duration = duration
	}
}

func TestConnect(t *testing.T) {
	unreachable := "failed host_unreachable connect network network exact"
	judgeRows(t, []row{
		{"refused", "", "", connecting(event.CloseRefused, "ECONNREFUSED", 0, 0.001), "failed connection_refused connect server server exact"},
		{"no route to the host", "", "", connecting(event.CloseRefused, "EHOSTUNREACH", 2, 3), unreachable},
		{"no route to the network", "", "", connecting(event.CloseRefused, "ENETUNREACH", 0, 0), unreachable},
		{"rejected by a firewall", "", "", connecting(event.CloseRefused, "EACCES", 0, 0), unreachable},
		{"forbidden by a local filter", "", "", connecting(event.CloseRefused, "EPERM", 0, 0), unreachable},
		{"kernel timed out", "", "", connecting(event.CloseRefused, "ETIMEDOUT", 6, 127), "failed connect_timeout connect client network exact"},
		{"application gave up after a second SYN", "", "", connecting(event.CloseRefused, "", 1, 0.5), "failed connect_timeout connect client network derived"},
		{"application gave up after two seconds", "", "", connecting(event.CloseRefused, "", 0, 2), "failed connect_timeout connect client network derived"},
		{"lost the race of happy eyeballs", "", "", connecting(event.CloseRefused, "", 0, 0.25), "noise probe connect - - -"},
	})
}

func TestSilence(t *testing.T) {
	judgeRows(t, []row{
		{"health probe, FIN", "", "C:FIN", nil, "noise probe client_hello - - -"},
		{"health probe, RST", "", "C:RST", nil, "noise probe client_hello - - -"},
		{"server closes an idle connection", "", "+60000ms S:FIN", nil, "noise probe client_hello - - -"},
		{"bytes that could not be followed", "", "C:gap(reordered) C:FIN", nil, "undecided - client_hello - - -"},
		{"keepalive finds the other end gone", "", "N:KTO", nil, "noise probe client_hello - - -"},
		{"no end seen", "", "", nil, "noise probe client_hello - - -"},
	})
}

func TestErrnoIsInTheSummary(t *testing.T) {
	e := event.Event{TCP: event.TCP{How: event.CloseRefused, Error: "EACCES"}}
	want := "The network refused to carry the connection to the server (EACCES)."
	if got := Judge(e).Verdict.Summary; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
