package main

import (
	"errors"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// tap lets the events through that are wanted, folds their repeats, and can be set anew while events flow. It is for many
// goroutines; what is behind it is used by one at a time.
type tap struct {
	next sink.Sink

	mu     sync.RWMutex
	wanted sink.Filter
	window time.Duration
	fold   *sink.Fold     // nil: every event is told
	before sink.FoldStats // of folds that are no more
}

// newTap makes a tap in front of next that gathers repeats for that long at first; 0 gathers none.
func newTap(next sink.Sink, wanted sink.Filter, window time.Duration) *tap {
	t := &tap{next: &serial{next: next}, wanted: wanted}
	t.refold(window)
	return t
}

// refold makes the fold for a window, which leaves next open when it is closed.
func (t *tap) refold(window time.Duration) {
	t.window, t.fold = window, nil
	if window > 0 {
		t.fold = sink.NewFold(keepOpen{t.next}, sink.FoldOptions{Window: window})
	}
}

// Write passes on an event that is wanted.
func (t *tap) Write(e event.Event) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	switch {
	case !t.wanted.Match(e):
		return nil
	case t.fold == nil:
		return t.next.Write(e)
	}
	return t.fold.Write(e)
}

// stats adds up what was folded so far.
func (t *tap) stats() sink.FoldStats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.before
	if t.fold != nil {
		now := t.fold.Stats()
		s.In, s.Written, s.Folded, s.Shed = s.In+now.In, s.Written+now.Written, s.Folded+now.Folded, s.Shed+now.Shed
		s.Waiting, s.Kinds = now.Waiting, now.Kinds
	}
	return s
}

// set changes what is wanted and how long repeats are gathered. What was gathered until then is told.
func (t *tap) set(wanted sink.Filter, window time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wanted = wanted
	if window == t.window {
		return nil
	}
	err := t.tell()
	t.refold(window)
	return err
}

// tell ends the fold, and keeps its counts.
func (t *tap) tell() error {
	if t.fold == nil {
		return nil
	}
	err := t.fold.Close()
	s := t.fold.Stats()
	t.before.In += s.In
	t.before.Written += s.Written
	t.before.Folded += s.Folded
	t.before.Shed += s.Shed
	t.fold = nil
	return err
}

// Close tells what was gathered, and closes what is behind the tap.
func (t *tap) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.tell(), t.next.Close())
}

// keepOpen is a sink that somebody else closes.
type keepOpen struct{ sink.Sink }

// Close does nothing.
func (keepOpen) Close() error { return nil }

// serial makes a sink for one goroutine at a time one for many.
type serial struct {
	mu   sync.Mutex
	next sink.Sink
}

// Write waits for its turn.
func (s *serial) Write(e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next.Write(e)
}

// Close waits for its turn.
func (s *serial) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next.Close()
}
