package main

import (
	"context"
	"errors"
	"io"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

// errNoFailures says that the recording holds no failed handshake.
var errNoFailures = errors.New("--event: no failed handshake in the recording")

// blame reads failures, and names for each the object that is most likely to blame.
func (f *lintFlags) blame(ctx context.Context, w *world, built *lint.World, findings []lint.Finding) (err error) {
	events, err := openReplay(w, f.event)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	r := f.report(w)
	failures := 0
	for {
		e, err := events.Read(ctx)
		switch {
		case errors.Is(err, io.EOF) && failures == 0:
			return errNoFailures
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Outcome != event.Failed:
			continue
		}
		failures++
		b, found := built.Blame(e, findings)
		if !found {
			err = r.Unblamed(w.stdout, f.view.output.Value, e)
		} else {
			err = r.Blame(w.stdout, f.view.output.Value, e, b)
		}
		if err != nil {
			return err
		}
	}
}
