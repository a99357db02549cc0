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
func testScenarios(t *testing.T, vm VM) {
	result := run(t, vm, Job{
		Script: scenarios,
		Files: map[string]string{
			"/usr/bin/tlstrace": build(t, "build", module+"/cmd/tlstrace"),
			"/usr/bin/traffic":  build(t, "build", module+"/test/kernels/traffic"),
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
