package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Times of stopping.
const (
	// drainQuiet is how long nothing may come from the tracer before it is taken to have told all: longer than an end of a
	// connection waits for its other end's record.
	drainQuiet = 250 * time.Millisecond
	// drainMost bounds that, where handshakes go on failing.
	drainMost = time.Second
)

// stop writes out what was read, for as long as the settings allow. events are nil if there was no tracing.
func (a *agent) stop(events source) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.f.shutdownTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.finish(ctx, events) }()
	select {
	case err := <-done:
		a.log.Info("stopped", a.told.account(a.pool)...)
		return err
	case <-ctx.Done():
		a.log.Error("stopped before everything was written: --shutdown-timeout has passed", a.told.account(a.pool)...)
		return nil
	}
}

// finish goes along the flow: each part ends when nothing more comes from the one before it.
func (a *agent) finish(ctx context.Context, events source) error {
	var errs [2]error
	detached := make(chan error, 1)
	if events == nil {
		detached <- nil
	} else {
		errs[0] = a.flow(&leftovers{source: events, until: time.Now().Add(drainMost)}).run(ctx)
		a.counted.metrics.Ask() // the last figures, for those who export them
		a.figures.end()
		go func() { detached <- events.Close() }() // many probes take seconds
	}
	inTime, cancel := context.WithTimeout(ctx, a.f.shutdownTimeout/2)
	defer cancel()
	a.pool.drain(inTime)
	a.waiting.finish(inTime)
	if err := a.told.close(ctx); err != nil {
		a.log.Error("not everything was written", "error", err.Error()) // a log reader or a collector that is gone is no fault of the agent
	}
	a.server.stop(ctx)
	errs[1] = <-detached
	return errors.Join(errs[:]...)
}

// leftovers are what a tracer has read from the kernel, or can at once.
type leftovers struct {
	source
	until time.Time
}

// Read returns io.EOF when nothing has come for a while, or it has gone on for too long.
func (l *leftovers) Read(ctx context.Context) (event.Event, error) {
	quiet := min(drainQuiet, time.Until(l.until))
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	e, err := l.source.Read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = io.EOF
	}
	return e, err
}
