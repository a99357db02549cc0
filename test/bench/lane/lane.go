// Package lane has what tracing is compared with: cgroups with programs that do nothing or with none, connections in them on which one
// thread talks to itself, and the kernel's account of what programs ran.
package lane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
)

// Lane is a cgroup with the programs whose cost is measured on its sockets.
type Lane struct {
	Dir      string
	Programs []*ebpf.Program
	closers  []func() error
}

// Bare has no programs of its own.
func Bare(c *cgroup.Tree) (*Lane, error) {
	dir, err := c.Create("bare")
	return &Lane{Dir: dir}, err
}

// Empty has programs that do nothing, where tlstrace has its own on every packet.
func Empty(c *cgroup.Tree) (*Lane, error) {
	dir, err := c.Create("empty")
	if err != nil {
		return nil, err
	}
	return EmptyAt(dir)
}

// EmptyAt is like [Empty], on a cgroup that is there.
func EmptyAt(dir string) (_ *Lane, err error) {
	l := &Lane{Dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("attach empty programs: %w", err), l.Close())
		}
	}()
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInetEgress, ebpf.AttachCGroupInetIngress} {
		if err := l.attachEmpty(at); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Lane) attachEmpty(at ebpf.AttachType) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: ebpf.CGroupSKB, AttachType: at, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	if err != nil {
		return err
	}
	l.Adopt(p)
	attached, err := link.AttachCgroup(link.CgroupOptions{Path: l.Dir, Attach: at, Program: p})
	if err != nil {
		return err
	}
	l.Release(attached.Close)
	return nil
}

// Adopt makes a program one of the lane's, which closes it.
func (l *Lane) Adopt(p *ebpf.Program) {
	l.Programs = append(l.Programs, p)
	l.Release(p.Close)
}

// Release lets Close call f, before what was released earlier.
func (l *Lane) Release(f func() error) { l.closers = append(l.closers, f) }

// Close detaches.
func (l *Lane) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	l.closers = nil
	return errors.Join(errs...)
}
