package kernels

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

//go:embed guest/scenarios.sh
var scenarios string

// connection is a line of what test/kernels/traffic and guest/scenarios.sh report.
type connection struct {
	Scenario    string         `json:"scenario"`
	TLS         string         `json:"tls"`
	Client      netip.AddrPort `json:"client"` // absent if it is not known
	Server      netip.AddrPort `json:"server"`
	ClientError string         `json:"client_error"`
	ServerError string         `json:"server_error"`
}

func (c connection) String() string {
	return fmt.Sprintf("%s over TLS %s at %s", c.Scenario, c.TLS, c.Server)
}

// testScenarios traces known traffic with the real program and compares what it says with what was done.
func testScenarios(t *testing.T, p place, found *Finding) {
	result := p.run(t, Job{
		Script: scenarios,
		Files: map[string]string{
			"/usr/bin/tlstrace": p.build(t, "build", module+"/cmd/tlstrace"),
			"/usr/bin/traffic":  p.build(t, "build", module+"/test/kernels/traffic"),
		},
	})
	if result.ExitCode != 0 {
		t.Fatalf("the guest's script failed: exit code %d", result.ExitCode)
	}
	connections := decode[connection](t, result.Files["traffic.json"])
	events := decode[event.Event](t, result.Files["events.json"])
	for _, c := range connections {
		t.Run(c.Scenario+"/"+c.TLS, func(t *testing.T) { compare(t, c, c.among(events)) })
	}
	everyExpectationWasTried(t, connections)
	report := decode[tracer.Report](t, result.Files["doctor.json"])[0]
	found.Kernel, found.Arch, found.Hooks, found.Problems = report.Kernel, report.Arch, report.Hooks, report.Problems
	found.Scenarios = len(connections)
	found.Bare = bare(t, result.Files)
}

// barePort is the server's port of the handshake that fails where no cgroup v2 is mounted: see guest/scenarios.sh.
const barePort = 22000

// bare is what became of it: tlstrace mounts the hierarchy for itself.
func bare(t *testing.T, files map[string][]byte) Bare {
	report := decode[tracer.Report](t, files["bare.json"])[0]
	b := Bare{Problems: report.Problems}
	for _, e := range decode[event.Event](t, files["bare-events.json"]) {
		b.Traced = b.Traced || e.Server.Port == barePort && e.Outcome == event.Failed
	}
	if !b.Traced || !report.CanTrace() {
		t.Errorf("without a mount of cgroup v2, the doctor says %v, and a failed handshake is told: %t", report.Problems, b.Traced)
	}
	return b
}

// decode reads one JSON value a line.
func decode[T any](t *testing.T, stream []byte) []T {
	t.Helper()
	var all []T
	for lines := json.NewDecoder(bytes.NewReader(stream)); lines.More(); {
		var one T
		if err := lines.Decode(&one); err != nil {
			t.Fatalf("line %d is not a %T: %v", len(all)+1, one, err)
		}
		all = append(all, one)
	}
	return all
}

// among picks the events of a connection. No two scenarios share a server's port; where the client's is not known, because
// it is openssl's or because nothing was connected, the server has that one connection only.
func (c connection) among(events []event.Event) []event.Event {
	var own []event.Event
	for _, e := range events {
		if e.Server.Port == c.Server.Port() && (!c.Client.IsValid() || e.Client.Port == c.Client.Port()) {
			own = append(own, e)
		}
	}
	return own
}

// compare holds the events of a connection against what it was.
func compare(t *testing.T, made connection, events []event.Event) {
	want, known := expectations()[made.Scenario]
	if !known {
		t.Fatalf("nothing is expected of %s", made)
	}
	if err := want.happened(made); err != nil {
		t.Fatal(err)
	}
	if len(events) > 1 || len(events) == 0 && want.outcome != "" {
		t.Errorf("%s made %d events, want 1", made, len(events))
	}
	for _, e := range events {
		if err := want.meets(e); err != nil {
			t.Errorf("%v: %s", err, describe(e))
		}
	}
}

func describe(e event.Event) string {
	line, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(line)
}

// everyExpectationWasTried keeps a scenario that was dropped or misspelt from passing unseen.
func everyExpectationWasTried(t *testing.T, connections []connection) {
	for scenario := range expectations() {
		if !slices.ContainsFunc(connections, func(c connection) bool { return c.Scenario == scenario }) {
			t.Errorf("no connection of scenario %s was made", scenario)
		}
	}
}
