package lane

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Ran is what the kernel counts of programs' runs.
type Ran struct {
	Time time.Duration
	Runs uint64
}

// EnableStats makes the kernel measure programs while the returned function has not been called. It does by a descriptor
// what the sysctl kernel.bpf_stats_enabled does for everybody (BPF_ENABLE_STATS, Linux 5.8): nothing has to be restored.
func EnableStats() (stop func(), err error) {
	held, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("measure the run time of programs: %w", err)
	}
	return func() { _ = held.Close() }, nil
}

// During returns what the lane's programs ran while f did.
func (l *Lane) During(f func() error) (Ran, error) {
	before, errBefore := l.ran()
	err := f()
	after, errAfter := l.ran()
	return Ran{after.Time - before.Time, after.Runs - before.Runs}, errors.Join(errBefore, err, errAfter)
}

func (l *Lane) ran() (Ran, error) {
	var sum Ran
	for _, p := range l.Programs {
		s, err := p.Stats()
		if err != nil {
			return Ran{}, fmt.Errorf("statistics of a program: %w", err)
		}
		sum.Time += s.Runtime
		sum.Runs += s.RunCount
	}
	return sum, nil
}
