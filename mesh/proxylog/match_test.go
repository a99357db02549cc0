package proxylog_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
)

func TestMatches(t *testing.T) {
	at := time.Date(2026, 10, 9, 6, 48, 34, 0, time.UTC)
	end := func(s string) event.Endpoint {
		if s == "" {
			return event.Endpoint{}
		}
		ap := netip.MustParseAddrPort(s)
		return event.Endpoint{Addr: ap.Addr(), Port: ap.Port()}
	}
	of := func(vantage event.Vantage, after time.Duration, client, server string) event.Event {
		return event.Event{Outcome: event.Failed, ObservedFrom: vantage, Time: at.Add(after), Client: end(client), Server: end(server)}
	}
	seen := of(event.FromServer, 0, "10.1.0.7:40112", "10.1.0.9:8443")
	mesh := func(e event.Event, service string) event.Event {
		e.Mesh = &event.Mesh{Direction: "outbound", Service: service, Port: 8443}
		return e
	}
	succeeded := seen
	succeeded.Outcome = event.Succeeded
	tests := []struct {
		name string
		e    event.Event
		log  event.Event
		want bool
	}{
		{"both ends", seen, of(event.FromLog, time.Second, "10.1.0.7:40112", "10.1.0.9:8443"), true},
		{"an IPv4 address in IPv6", seen, of(event.FromLog, 0, "[::ffff:10.1.0.7]:40112", "10.1.0.9:8443"), true},
		{"another port of the client", seen, of(event.FromLog, 0, "10.1.0.7:40113", "10.1.0.9:8443"), false},
		{"another client", seen, of(event.FromLog, 0, "10.1.0.8:40112", "10.1.0.9:8443"), false},
		{"another server", seen, of(event.FromLog, 0, "10.1.0.7:40112", "10.1.0.10:8443"), false},
		{"redirected to another port", seen, of(event.FromLog, 0, "10.1.0.7:40112", "10.1.0.9:15006"), true},
		{"redirected to the loopback", of(event.FromServer, 0, "10.1.0.7:40112", "127.0.0.1:15001"), of(event.FromLog, 0, "10.1.0.7:40112", "10.1.0.9:80"), true},
		{"the client alone", seen, of(event.FromLog, 4*time.Second, "10.1.0.7:40112", ""), true},
		{"much later", seen, of(event.FromLog, time.Minute, "10.1.0.7:40112", "10.1.0.9:8443"), false},
		{"much earlier", seen, of(event.FromLog, -time.Minute, "10.1.0.7:40112", "10.1.0.9:8443"), false},
		{"the server alone", seen, of(event.FromLog, 300*time.Millisecond, "", "10.1.0.9:8443"), true},
		{"the server alone, later", seen, of(event.FromLog, 3*time.Second, "", "10.1.0.9:8443"), false},
		{"the server alone, another port", seen, of(event.FromLog, 0, "", "10.1.0.9:8444"), false},
		{"the server alone, the same service", mesh(seen, "a"), mesh(of(event.FromLog, 0, "", "10.1.0.9:8443"), "a"), true},
		{"the server alone, another service", mesh(seen, "a"), mesh(of(event.FromLog, 0, "", "10.1.0.9:8443"), "b"), false},
		{"no end", seen, of(event.FromLog, 0, "", ""), false},
		{"no log", seen, of(event.FromClient, 0, "10.1.0.7:40112", "10.1.0.9:8443"), false},
		{"a success", succeeded, of(event.FromLog, 0, "10.1.0.7:40112", "10.1.0.9:8443"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := proxylog.Matches(tt.e, tt.log); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
