package flood_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// lostWhole are the places where an event is lost that is told in no other way.
var lostWhole = []string{"ring_full", "inflight_full", "rate_limit", "undecodable", "kinds", "log"}

// account waits until what is told and what is lost add up to what was made, and returns the losses.
func account(t *testing.T, a *agent, server string, made int) map[string]int {
	t.Helper()
	lost := map[string]int{}
	for begun := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		sum := a.tally(server).told
		for _, where := range lostWhole {
			lost[where] = a.lost(where)
			sum += lost[where]
		}
		if sum == made {
			return lost
		}
		if sum > made || time.Since(begun) > patience {
			t.Fatalf("%d were made; %+v told, %v lost, %d together, %d shed", made, a.tally(server), lost, sum, a.metric("tlstrace_events_shed_total"))
		}
	}
}

// wait waits for clients.
func wait(t *testing.T, all ...*exec.Cmd) {
	t.Helper()
	for _, c := range all {
		must(t, c.Wait())
	}
}

// sources are addresses of loopback in a network of their own.
func sources(network, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("127.77.%d.%d", network, 1+i))
	}
	return all
}

// TestOneNoisyPairStarvesNoOther floods the agent between one client address and one server, while others fail now and then.
func TestOneNoisyPairStarvesNoOther(t *testing.T) {
	const noisy, quiet, each = 8_000, 4, 20
	a := startAgent(t)
	loud, other := a.server(0), a.server(0)
	var clients []*exec.Cmd
	for range 2 {
		clients = append(clients, a.clients(loud, noisy/2, 50, 0, "127.77.1.1"))
	}
	for _, from := range sources(2, quiet) {
		clients = append(clients, a.clients(other, each, 1, 5, from))
	}
	wait(t, clients...)

	lost := account(t, a, loud, noisy)
	if n := lost["ring_full"] + lost["inflight_full"] + lost["kinds"] + lost["log"]; n > 0 {
		t.Errorf("lost %v: the limit has to come first", lost)
	}
	shed := a.metric("tlstrace_events_shed_total")
	t.Logf("of %d: %+v told, %d shed, %v lost", noisy, a.tally(loud), shed, lost)
	if sum := a.tally(loud); sum.lines > noisy/10 || sum.repeated == 0 || shed < noisy/10 {
		t.Errorf("%+v told and %d shed of %d: the flood was not held back", sum, shed, noisy)
	}
	// the last of them wait for their summary
	for begun := time.Now(); a.tally(other).told < quiet*each && time.Since(begun) < patience; time.Sleep(200 * time.Millisecond) {
	}
	if sum := a.tally(other); sum.told != quiet*each {
		t.Errorf("of %d quiet failures %d are told", quiet*each, sum.told)
	}
}

// TestFloodIsAccounted floods the agent in ways that it cannot keep up with, and adds up.
func TestFloodIsAccounted(t *testing.T) {
	const made, processes = 4000, 2
	for _, tc := range []struct {
		name  string
		flags string
		after time.Duration // a connection lasts at least
		from  []string
		lost  string // where something has to be lost
	}{
		{"no limit, and a ring that is too small", "--alike-per-second 1000000 --ring-bytes 65536", 0, sources(3, 8), ""},
		{"more connections than are followed", "--alike-per-second 1000000 --max-inflight 64", 50 * time.Millisecond, sources(4, 8), "inflight_full"},
		{"many clients at the limit of all", "--alike-per-second 1", 0, sources(5, 200), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := startAgent(t, strings.Fields(tc.flags)...)
			server := a.server(tc.after)
			var clients []*exec.Cmd
			for range processes {
				clients = append(clients, a.clients(server, made/processes, 100, 0, tc.from...))
			}
			wait(t, clients...)
			lost := account(t, a, server, made)
			t.Logf("of %d: %+v told, %d shed, %v lost", made, a.tally(server), a.metric("tlstrace_events_shed_total"), lost)
			if tc.lost != "" && lost[tc.lost] == 0 {
				t.Errorf("nothing is lost at %s", tc.lost)
			}
		})
	}
}
