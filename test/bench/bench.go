package main

import (
	"errors"

	"github.com/tlstrace/tlstrace/tracer"
)

// bench is what the measurements share.
type bench struct {
	cgroups             *cgroups
	bare, empty, traced *lane
	tracer              *tracer.Tracer
}

func openBench() (_ *bench, err error) {
	b := &bench{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.cgroups, err = openCgroups(); err != nil {
		return b, err
	}
	if b.bare, err = bareLane(b.cgroups); err != nil {
		return b, err
	}
	if b.empty, err = emptyLane(b.cgroups); err != nil {
		return b, err
	}
	b.traced, b.tracer, err = tracedLane(b.cgroups)
	return b, err
}

// Close detaches everything and removes the cgroups.
func (b *bench) Close() error {
	var errs []error
	for _, l := range []*lane{b.traced, b.empty, b.bare} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if b.cgroups != nil {
		errs = append(errs, b.cgroups.Close())
	}
	return errors.Join(errs...)
}
