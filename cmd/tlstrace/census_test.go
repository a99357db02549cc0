package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

func TestCensusTotals(t *testing.T) {
	events := []event.Event{
		{Outcome: event.Failed}, {Outcome: event.Succeeded, Repeated: 4}, {Outcome: event.Undecided}, {Outcome: event.Noise},
	}
	stats := tracer.Stats{Succeeded: 345, Plain: 2, Quiet: 5, Lost: map[string]uint64{"ring_full": 1}}
	tests := []struct {
		name   string
		source source
		filter sink.Filter
		want   sink.Totals
	}{
		{
			"of the tracer", &fakeSource{stats: stats}, sink.Filter{},
			sink.Totals{Elapsed: time.Minute, Succeeded: 345, Noise: 7, Undecided: 1, Lost: stats.Lost},
		},
		{
			"of the tracer with a filter: only what nobody can know", &fakeSource{stats: stats}, sink.Filter{Ports: []uint16{443}},
			sink.Totals{Elapsed: time.Minute, Lost: stats.Lost},
		},
		{"of a recording", sourceFunc(nil), sink.Filter{}, sink.Totals{Succeeded: 5, Noise: 1, Undecided: 1}},
		{"of a recording with a filter", sourceFunc(nil), sink.Filter{Comms: []string{"curl"}}, sink.Totals{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestWorld(t)
			c := newCensus(w.world, tt.source, &tt.filter)
			c.now = func() time.Time { return w.now().Add(time.Minute) }
			for _, e := range events {
				if got, want := c.match(e), tt.filter.Match(e); got != want {
					t.Errorf("%s: match says %v, the filter %v", e.Outcome, got, want)
				}
			}
			if diff := cmp.Diff(tt.want, c.totals()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCensusSaysThatItCannotCount(t *testing.T) {
	w := newTestWorld(t)
	c := newCensus(w.world, &fakeSource{}, &sink.Filter{})
	c.stats = func() (tracer.Stats, error) { return tracer.Stats{}, errors.New("the map is gone") }
	if got := c.totals(); got.Lost != nil || !strings.Contains(w.err.String(), "what was lost is not known: the map is gone") {
		t.Errorf("got %+v and said %q", got, w.err.String())
	}
}

func TestWatchSumsUpWhatSucceeded(t *testing.T) {
	w := newTestWorld(t)
	begun := w.now()
	calls := 0
	w.now = func() time.Time { calls++; return begun.Add(time.Duration(min(calls-1, 1)) * 12 * time.Second) }
	w.traces(&fakeSource{end: tracer.ErrClosed, stats: tracer.Stats{Succeeded: 345}})
	if code := w.run([]string{"watch"}); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	if want := "\nNo failed handshakes in 12 s (345 succeeded)\n"; !strings.HasSuffix(w.out.String(), want) {
		t.Errorf("got %q, want %q at its end", w.out.String(), want)
	}
}
