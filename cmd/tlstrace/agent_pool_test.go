package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// gathered is a sink that keeps how often each event came, and whether it was named.
type gathered struct {
	mu    sync.Mutex
	seen  map[string]int
	named int
	err   error
}

func (g *gathered) Write(e event.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = map[string]int{}
	}
	g.seen[e.ID]++
	if e.Client.K8s != nil {
		g.named++
	}
	return g.err
}

func (g *gathered) Close() error { return nil }

func TestPoolPassesEveryEventOnOnce(t *testing.T) {
	tests := []struct {
		name   string
		enrich func(context.Context, *event.Event)
	}{
		{"names at once", func(_ context.Context, e *event.Event) { e.Client.K8s = &event.K8s{Pod: "web-1"} }},
		{"names take their time", func(_ context.Context, e *event.Event) {
			time.Sleep(time.Millisecond)
			e.Client.K8s = &event.K8s{Pod: "web-1"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out gathered
			p := newPool(&out, tt.enrich, time.Now, func(error) {})
			const events = 5 * poolQueue
			for i := range events {
				if err := p.Write(event.Event{ID: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			p.drain(context.Background())
			for i := range events {
				if n := out.seen[fmt.Sprint(i)]; n != 1 {
					t.Fatalf("event %d came %d times", i, n)
				}
			}
			if got := uint64(out.named) + p.unnamed.Load(); got != events || p.read.Load() != events {
				t.Errorf("%d named or counted as unnamed, %d read, want %d", got, p.read.Load(), events)
			}
		})
	}
}

func TestPoolDoesNotWaitWhileNamesHang(t *testing.T) {
	var out gathered
	hang := func(ctx context.Context, _ *event.Event) { <-ctx.Done() }
	p := newPool(&out, hang, time.Now, func(error) {})
	const events = poolQueue + poolWorkers + 100
	for i := range events {
		if err := p.Write(event.Event{ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if p.unnamed.Load() < 100 {
		t.Errorf("%d events passed a full queue, want at least 100", p.unnamed.Load())
	}
	soon, cancel := context.WithCancel(context.Background())
	cancel() // no more time for names
	p.drain(soon)
	if len(out.seen) != events {
		t.Errorf("%d events came, want %d", len(out.seen), events)
	}
}

func TestPoolCountsWhatIsRefused(t *testing.T) {
	broken := errors.New("broken")
	out := gathered{err: broken}
	told := make(chan error, 1)
	p := newPool(&out, func(context.Context, *event.Event) {}, time.Now, func(err error) { told <- err })
	_ = p.Write(event.Event{ID: "a"})
	if err := <-told; !errors.Is(err, broken) {
		t.Errorf("told %v", err)
	}
	if err := p.Close(); err != nil || p.failed.Load() != 1 {
		t.Errorf("%v, %d failed", err, p.failed.Load())
	}
}

func TestPoolIsStuckOnlyIfEventsWait(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC)
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	p := newPool(&gathered{}, func(ctx context.Context, _ *event.Event) { <-ctx.Done() }, clock, func(error) {})
	pass := func() {
		mu.Lock()
		now = now.Add(time.Hour)
		mu.Unlock()
	}
	pass()
	if p.stuck(time.Minute) {
		t.Error("an idle pool is stuck")
	}
	for i := range poolWorkers + 2 {
		_ = p.Write(event.Event{ID: fmt.Sprint(i)})
	}
	pass()
	if !p.stuck(time.Minute) {
		t.Error("events wait for an hour, and that is fine")
	}
	soon, cancel := context.WithCancel(context.Background())
	cancel()
	p.drain(soon)
}
