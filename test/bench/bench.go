package main

import (
	"errors"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/tracer"
)

// bench is what the measurements share.
type bench struct {
	cgroups     *cgroup.Tree
	bare, empty *lane.Lane
	traced      *traced
	tracer      *tracer.Tracer
}

func openBench() (_ *bench, err error) {
	b := &bench{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.cgroups, err = cgroup.Open(); err != nil {
		return b, err
	}
	if b.bare, err = lane.Bare(b.cgroups); err != nil {
		return b, err
	}
	if b.empty, err = lane.Empty(b.cgroups); err != nil {
		return b, err
	}
	b.traced, b.tracer, err = openTraced(b.cgroups)
	return b, err
}

// lanes are those that are compared: without programs, with empty ones, with tlstrace.
func (b *bench) lanes() []*lane.Lane { return []*lane.Lane{b.bare, b.empty, b.traced.Lane} }

// Close detaches everything and removes the cgroups.
func (b *bench) Close() error {
	var errs []error
	if b.traced != nil {
		errs = append(errs, b.traced.Close())
	}
	for _, l := range []*lane.Lane{b.empty, b.bare} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if b.cgroups != nil {
		errs = append(errs, b.cgroups.Close())
	}
	return errors.Join(errs...)
}
