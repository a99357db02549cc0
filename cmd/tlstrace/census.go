package main

import (
	"fmt"
	"io"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

// census counts what came by, shown or not, so that the summary tells of how many.
type census struct {
	wanted *sink.Filter
	seen   map[event.Outcome]uint64
	stats  func() (tracer.Stats, error) // nil for a recording
	begun  time.Time
	now    func() time.Time
	warn   io.Writer
}

func newCensus(w *world, events source, wanted *sink.Filter) *census {
	c := &census{wanted: wanted, seen: map[event.Outcome]uint64{}, begun: w.now(), now: w.now, warn: w.stderr}
	if t, ok := events.(interface{ Stats() (tracer.Stats, error) }); ok {
		c.stats = t.Stats
	}
	return c
}

// match counts an event, and says whether it is wanted.
func (c *census) match(e event.Event) bool {
	switch e.Outcome {
	case event.Succeeded, event.Noise, event.Undecided: // the failures are the summary's own
		c.seen[e.Outcome] += 1 + uint64(max(e.Repeated, 0))
	}
	return c.wanted.Match(e)
}

// totals are for the end. What was counted of everything is no answer to a filter that asks for a part of it.
func (c *census) totals() sink.Totals {
	var t sink.Totals
	if !c.wanted.Narrows() {
		t.Succeeded, t.Noise, t.Undecided = c.seen[event.Succeeded], c.seen[event.Noise], c.seen[event.Undecided]
	}
	if c.stats == nil {
		return t
	}
	t.Elapsed = c.now().Sub(c.begun)
	stats, err := c.stats()
	if err != nil {
		fmt.Fprintf(c.warn, "tlstrace: what was lost is not known: %v\n", err)
	}
	t.Lost = stats.Lost
	if !c.wanted.Narrows() {
		t.Succeeded = max(t.Succeeded, stats.Succeeded)
		t.Noise = max(t.Noise, stats.Plain+stats.Quiet)
	}
	return t
}
