package tracer

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Program is what one BPF program has cost.
type Program struct {
	Name    string
	Runs    uint64
	RunTime time.Duration
}

// Programs returns what each program has cost since it was loaded, by name. The kernel counts while the sysctl
// kernel.bpf_stats_enabled is 1, which itself costs some 70 ns a run; without it all is zero.
func (t *Tracer) Programs() ([]Program, error) {
	var all []Program
	for name, p := range t.loaded.collection.Programs {
		stats, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("read the cost of program %s: %w", name, err)
		}
		all = append(all, Program{Name: name, Runs: stats.RunCount, RunTime: stats.Runtime})
	}
	slices.SortFunc(all, func(a, b Program) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
