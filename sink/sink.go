// Package sink shows events to users: as JSON lines, as YAML, as columns on a terminal, as a summary at the end,
// and as a handshake ladder for one event. It also reads recorded JSON lines back, and filters events.
//
// Every string of an event may come from the network or from a process, and is treated as hostile: what this package
// writes holds no control characters and no characters that reorder text but its own line ends and colours.
package sink

import (
	"errors"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Sink consumes events. It is used by one goroutine at a time.
type Sink interface {
	// Write shows one event. An error means that the output is gone; the sink is of no more use.
	Write(event.Event) error
	// Close writes what is shown at the end, if anything. It does not close what the sink writes to.
	Close() error
}

// Multi is a sink that hands every event to several, in their order.
type Multi []Sink

// Write hands the event to every sink, and returns all their errors.
func (m Multi) Write(e event.Event) error {
	var errs []error
	for _, s := range m {
		errs = append(errs, s.Write(e))
	}
	return errors.Join(errs...)
}

// Close closes every sink, and returns all their errors.
func (m Multi) Close() error {
	var errs []error
	for _, s := range m {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Screen is what the views for people are drawn on.
type Screen struct {
	// Width is the number of columns; 0 says that the output is no terminal: lines may be of any length.
	Width int
	// Height is the number of lines; [Columns] repeats its header once a screenful. 0 never repeats it.
	Height int
	// Color allows ANSI colours.
	Color bool
	// ASCII draws with ASCII only, for terminals and pagers that cannot do better.
	ASCII bool
	// Zone is the time zone in which times are shown; nil shows each in the zone it was recorded in.
	Zone *time.Location
}

// fileWidth is the width that is laid out for when the output is no terminal.
const fileWidth = 200

// columns is the width to lay out for.
func (s Screen) columns() int {
	if s.Width <= 0 {
		return fileWidth
	}
	return s.Width
}

// clock spells a time of day in the screen's zone.
func (s Screen) clock(t time.Time, layout string) string {
	if s.Zone != nil {
		t = t.In(s.Zone)
	}
	return t.Format(layout)
}
