package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// testWorld is a world in which nothing outside of the test is touched.
type testWorld struct {
	*world
	out, err bytes.Buffer
}

func newTestWorld(t *testing.T) *testWorld {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	w := &testWorld{}
	w.world = &world{
		stdin:  strings.NewReader(""),
		stdout: &w.out,
		stderr: &w.err,
		now:    func() time.Time { return time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC) },
		proc:   t.TempDir(),
		self:   "/proc/self/exe",
		open: func(tracer.Options) (source, error) {
			return nil, errors.New("this test does not trace")
		},
		probe: func(tracer.Options) tracer.Report { return tracer.Report{} },
	}
	return w
}

// fakeSource hands out events, then says that it is over.
type fakeSource struct {
	events []event.Event
	end    error // what Read returns after the last event; nil waits for the context
	stats  tracer.Stats
	closed bool
}

func (s *fakeSource) Read(ctx context.Context) (event.Event, error) {
	if len(s.events) == 0 {
		if s.end != nil {
			return event.Event{}, s.end
		}
		<-ctx.Done()
		return event.Event{}, ctx.Err()
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, nil
}

func (s *fakeSource) Stats() (tracer.Stats, error) { return s.stats, nil }

func (s *fakeSource) Close() error {
	s.closed = true
	return nil
}

var _ io.Closer = (*fakeSource)(nil)
