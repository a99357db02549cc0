package main

import (
	"context"
	"errors"
	"io"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

// source is where events come from: the running tracer, or a recording.
type source interface {
	// Read returns the next event; io.EOF or [tracer.ErrClosed] says that there are no more.
	Read(context.Context) (event.Event, error)
	Close() error
}

// flow is the chart of docs/architecture.md: tracer -> verdict -> enrich -> sink.
type flow struct {
	tracer  source
	verdict func(event.Event) event.Event // why
	enrich  func(*event.Event)            // who
	filter  func(event.Event) bool        // what was asked for
	sink    sink.Sink
}

// errEnough is returned by a sink that wants no more events.
var errEnough = errors.New("enough")

// run moves events along until the source ends, ctx is done, or the sink has enough.
func (f flow) run(ctx context.Context) error {
	for {
		e, err := f.tracer.Read(ctx)
		if err != nil {
			return unlessOver(err)
		}
		e = f.verdict(e)
		f.enrich(&e)
		if !f.filter(e) {
			continue
		}
		if err := f.sink.Write(e); err != nil {
			return unlessOver(err)
		}
	}
}

// unlessOver drops the errors that only say that the work is done.
func unlessOver(err error) error {
	for _, end := range []error{io.EOF, tracer.ErrClosed, context.Canceled, context.DeadlineExceeded, errEnough} {
		if errors.Is(err, end) {
			return nil
		}
	}
	return err
}
