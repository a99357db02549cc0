package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer"
)

// lane is a cgroup with the programs whose cost is measured on its sockets.
type lane struct {
	name     string
	dir      string
	programs []*ebpf.Program
	memory   memory // of what the lane holds in the kernel
	closers  []func() error
}

// bareLane has no programs of its own.
func bareLane(c *cgroups) (*lane, error) {
	dir, err := c.create("bare")
	return &lane{name: "bare", dir: dir}, err
}

// emptyLane has programs that do nothing, where tlstrace has its own on every packet.
func emptyLane(c *cgroups) (_ *lane, err error) {
	l := &lane{name: "empty"}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("attach empty programs: %w", err), l.Close())
		}
	}()
	if l.dir, err = c.create(l.name); err != nil {
		return nil, err
	}
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInetEgress, ebpf.AttachCGroupInetIngress} {
		if err := l.attachEmpty(at); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *lane) attachEmpty(at ebpf.AttachType) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: ebpf.CGroupSKB, AttachType: at, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	if err != nil {
		return err
	}
	l.programs = append(l.programs, p)
	l.closers = append(l.closers, p.Close)
	attached, err := link.AttachCgroup(link.CgroupOptions{Path: l.dir, Attach: at, Program: p})
	if err != nil {
		return err
	}
	l.closers = append(l.closers, attached.Close)
	return nil
}

// tracedLane has tlstrace with its default options, read as watch reads it.
func tracedLane(c *cgroups) (_ *lane, _ *tracer.Tracer, err error) {
	l := &lane{name: "traced"}
	if l.dir, err = c.create(l.name); err != nil {
		return nil, nil, err
	}
	before, err := heldObjects()
	if err != nil {
		return nil, nil, err
	}
	t, err := tracer.Open(tracer.Options{Cgroup: l.dir})
	if err != nil {
		return nil, nil, err
	}
	l.closers = append(l.closers, t.Close)
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
func (l *lane) adopt(before map[string]object) error {
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

func (l *lane) own(o object) error {
	if o.kind == "map" {
		return l.memory.addMap(o)
	}
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(o.id))
	if err != nil {
		return err
	}
	l.memory.programs += o.memlock
	l.programs = append(l.programs, p)
	l.closers = append(l.closers, p.Close)
	return nil
}

// Close detaches.
func (l *lane) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	l.closers = nil
	return errors.Join(errs...)
}
