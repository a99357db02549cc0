package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/tlstrace/tlstrace/event"
)

// Search is a sink that keeps the event that was asked for.
type Search struct {
	ID     string // may be cut short; "" is the last event
	Narrow bool   // not all failures are wanted

	exact *event.Event
	last  *event.Event
	ids   map[string]bool // that begin with id
}

// Write looks at one event.
func (s *Search) Write(e event.Event) error {
	switch {
	case s.ID == "":
		s.last = &e
	case s.ID != "" && e.ID == s.ID:
		s.exact = &e
	case s.ID != "" && len(e.ID) > len(s.ID) && e.ID[:len(s.ID)] == s.ID:
		if s.ids == nil {
			s.ids = map[string]bool{}
		}
		s.ids[e.ID] = true
		s.last = &e
	}
	return nil
}

// Close does nothing.
func (s *Search) Close() error { return nil }

// Result returns the event, or an error that says why there is none.
func (s *Search) Result(ctx context.Context) (event.Event, error) {
	switch {
	case ctx.Err() != nil:
		return event.Event{}, errors.New("interrupted")
	case s.exact != nil:
		return *s.exact, nil
	case len(s.ids) > 1:
		return event.Event{}, fmt.Errorf("%d events have an ID that begins with %q: give more of it", len(s.ids), s.ID)
	case s.last != nil:
		return *s.last, nil
	case s.ID != "":
		return event.Event{}, fmt.Errorf("no event with the ID %q", s.ID)
	case s.Narrow:
		return event.Event{}, errors.New("no recorded event matches the filters")
	}
	return event.Event{}, errors.New("no failed handshake among the events")
}
