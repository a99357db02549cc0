package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func failure(from event.Vantage, client string, at time.Time, repeated int) event.Event {
	return event.Event{
		Time: at, Outcome: event.Failed, ObservedFrom: from, Repeated: repeated, ID: "5d1f",
		Verdict: event.Verdict{Reason: event.UnknownCA, Layer: event.LayerCertificate, LookAt: event.Server},
		Client:  event.Endpoint{K8s: &event.K8s{Namespace: "shop", Workload: client}},
		Server:  event.Endpoint{K8s: &event.K8s{Namespace: "shop", Workload: "payments"}},
	}
}

func TestTallyCountsNoConnectionTwice(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []event.Event
		want   uint64
	}{
		{"both ends together", []event.Event{failure(event.FromBoth, "a", noon, 0), failure(event.FromBoth, "a", noon, 2)}, 4},
		{"repeats from both ends, not joined", []event.Event{failure(event.FromClient, "a", noon, 9), failure(event.FromServer, "a", noon, 10)}, 11},
		{"clients on two nodes, one server", []event.Event{
			failure(event.FromClient, "a", noon, 3), failure(event.FromClient, "a", noon, 5), failure(event.FromServer, "a", noon, 9),
		}, 10},
		{"joined and not joined", []event.Event{failure(event.FromBoth, "a", noon, 0), failure(event.FromServer, "a", noon, 1)}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted := newTally(noon.Add(-time.Minute))
			for _, e := range c.events {
				counted.add(e)
			}
			rows := counted.table(noon)
			if len(rows) != 1 || rows[0].Failures != c.want || rows[0].Client != "shop/a" || rows[0].PerMinute != float64(c.want) {
				t.Errorf("%+v, want %d", rows, c.want)
			}
		})
	}
}

func TestTallyForgetsOldRates(t *testing.T) {
	counted := newTally(noon)
	counted.add(failure(event.FromBoth, "a", noon, 99))
	counted.add(failure(event.FromBoth, "a", noon.Add(10*time.Minute), 4))
	row := counted.table(noon.Add(10 * time.Minute))[0]
	if row.Failures != 105 || row.PerMinute != 1 {
		t.Errorf("%+v", row)
	}
}

func TestTallyIsBounded(t *testing.T) {
	counted := newTally(noon)
	for i := range maxRows + 5 {
		counted.add(failure(event.FromBoth, fmt.Sprint(i), noon, 0))
	}
	succeeded := failure(event.FromBoth, "a", noon, 0)
	succeeded.Outcome = event.Succeeded
	counted.add(succeeded)
	if len(counted.table(noon)) != maxRows || counted.others != 5 {
		t.Errorf("%d rows, %d others", len(counted.rows), counted.others)
	}
}
