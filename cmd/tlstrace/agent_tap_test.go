package main

import (
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// sums is a sink that adds up what events stand for.
type sums struct {
	mu     sync.Mutex
	lines  int
	events int
	closed int
}

func (s *sums) Write(e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines++
	s.events += 1 + e.Repeated
	return nil
}

func (s *sums) Close() error {
	s.closed++
	return nil
}

func TestTapLosesNothingWhileItIsSetAnew(t *testing.T) {
	var out sums
	tap := newTap(&out, sink.Filter{}, time.Hour)
	const writers, each = 4, 2000
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for range each {
				if err := tap.Write(event.Event{Outcome: event.Failed}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, window := range []time.Duration{0, time.Minute, time.Hour, 0, time.Millisecond} {
		if err := tap.set(sink.Filter{}, window); err != nil {
			t.Error(err)
		}
	}
	running.Wait()
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
	if out.events != writers*each {
		t.Errorf("%d events were told, want %d", out.events, writers*each)
	}
	if folded := int(tap.stats().Folded); out.lines+folded != writers*each {
		t.Errorf("%d lines and %d folded, want %d together", out.lines, folded, writers*each)
	}
	if out.closed != 1 {
		t.Errorf("what is behind the tap was closed %d times", out.closed)
	}
}

func TestTapFilters(t *testing.T) {
	var out sums
	tap := newTap(&out, sink.Filter{Namespace: "shop"}, 0)
	shop := event.Event{Outcome: event.Failed, Client: event.Endpoint{K8s: &event.K8s{Namespace: "shop"}}}
	other := event.Event{Outcome: event.Failed}
	for _, e := range []event.Event{shop, other, {Outcome: event.Succeeded}} {
		if err := tap.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if out.lines != 1 {
		t.Errorf("%d events passed, want 1", out.lines)
	}
	if err := tap.set(sink.Filter{}, 0); err != nil {
		t.Fatal(err)
	}
	if err := tap.Write(other); err != nil || out.lines != 2 {
		t.Errorf("the new filter does not count: %v, %d", err, out.lines)
	}
}
