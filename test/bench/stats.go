package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// ran is what the kernel counts of programs' runs.
type ran struct {
	time time.Duration
	runs uint64
}

// enableStats makes the kernel measure programs while the returned function has not been called. It does by a descriptor
// what the sysctl kernel.bpf_stats_enabled does for everybody (BPF_ENABLE_STATS, Linux 5.8): nothing has to be restored.
func enableStats() (stop func(), err error) {
	held, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("measure the run time of programs: %w", err)
	}
	return func() { _ = held.Close() }, nil
}

// during returns what the lane's programs ran while f did.
func (l *lane) during(f func() error) (ran, error) {
	before, errBefore := l.ran()
	err := f()
	after, errAfter := l.ran()
	return ran{after.time - before.time, after.runs - before.runs}, errors.Join(errBefore, err, errAfter)
}

func (l *lane) ran() (ran, error) {
	var sum ran
	for _, p := range l.programs {
		s, err := p.Stats()
		if err != nil {
			return ran{}, fmt.Errorf("statistics of a program: %w", err)
		}
		sum.time += s.Runtime
		sum.runs += s.RunCount
	}
	return sum, nil
}
