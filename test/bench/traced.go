package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/tracer"
)

// traced is a lane with tlstrace on it.
type traced struct {
	*lane.Lane
	memory memory // of what the lane holds in the kernel
}

// openTraced makes a lane that has tlstrace with its default options, read as watch reads it.
func openTraced(c *cgroup.Tree) (_ *traced, _ *tracer.Tracer, err error) {
	l := &traced{Lane: &lane.Lane{}}
	if l.Dir, err = c.Create("traced"); err != nil {
		return nil, nil, err
	}
	before, err := heldObjects()
	if err != nil {
		return nil, nil, err
	}
	t, err := tracer.Open(tracer.Options{Cgroup: l.Dir})
	if err != nil {
		return nil, nil, err
	}
	l.Release(t.Close)
	go drain(t)
	if err := l.adopt(before); err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, t, nil
}

func drain(t *tracer.Tracer) {
	for {
		if _, err := t.Read(context.Background()); err != nil {
			return
		}
	}
}

// adopt finds what was loaded since, by the descriptors that this process holds.
func (l *traced) adopt(before map[string]object) error {
	now, err := heldObjects()
	if err != nil {
		return err
	}
	for key, o := range now {
		if _, old := before[key]; old {
			continue
		}
		if err := l.own(o); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func (l *traced) own(o object) error {
	if o.kind == "map" {
		return l.memory.addMap(o)
	}
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(o.id))
	if err != nil {
		return err
	}
	l.memory.programs += o.memlock
	l.Adopt(p)
	return nil
}
