package main

import (
	"sync/atomic"

	"github.com/tlstrace/tlstrace/sink/metrics"
	"github.com/tlstrace/tlstrace/tracer"
)

// kernel is what the metrics ask of a running tracer.
type kernel interface {
	Stats() (tracer.Stats, error)
	Totals() ([]tracer.Total, error)
	Programs() ([]tracer.Program, error)
	Resets() (map[tracer.ResetKey]uint64, error)
	Hooks() map[tracer.Purpose]string
	Purposes() []tracer.Purpose
	InDepth() map[tracer.Why]int
	NotInDepth() uint64
	Followed() int
	NotFollowed() uint64
	Libraries() []tracer.Target
}

// figures hands the tracer's figures to the metrics. They are there before the tracer is, and stay when it is closed.
type figures struct{ of atomic.Pointer[kernel] }

// from takes the figures of a source from now on, if it has any.
func (g *figures) from(s source) {
	if k, ok := s.(kernel); ok {
		g.of.Store(&k)
	}
}

// end stops asking, before the tracer is closed.
func (g *figures) end() { g.of.Store(nil) }

// figure calls f with the running tracer, or returns nothing without one.
func figure[T any](g *figures, f func(kernel) (T, error)) (T, error) {
	if k := g.of.Load(); k != nil {
		return f(*k)
	}
	var none T
	return none, nil
}

func (g *figures) totals() ([]metrics.Total, error) {
	all, err := figure(g, kernel.Totals)
	totals := make([]metrics.Total, len(all))
	for i, t := range all {
		totals[i] = metrics.Total{
			Cgroup: t.Cgroup, Role: t.Role, Port: t.Port, Succeeded: t.Succeeded, Ended: t.Ended,
			Latency: metrics.Latency{Buckets: t.Latency.Buckets, Sum: t.Latency.Sum},
		}
	}
	return totals, err
}

func (g *figures) connections() (map[string]uint64, error) {
	s, err := figure(g, kernel.Stats)
	if s.Lost == nil {
		return nil, err
	}
	return map[string]uint64{"succeeded": s.Succeeded, "ended": s.Ended, "plain": s.Plain, "quiet": s.Quiet, "light": s.Light}, err
}

func (g *figures) lost() (map[string]uint64, error) {
	s, err := figure(g, kernel.Stats)
	return s.Lost, err
}

func (g *figures) shed() (uint64, error) {
	s, err := figure(g, kernel.Stats)
	return s.Shed, err
}

func (g *figures) programs() ([]metrics.Program, error) {
	all, err := figure(g, kernel.Programs)
	programs := make([]metrics.Program, len(all))
	for i, p := range all {
		programs[i] = metrics.Program{Name: p.Name, Runs: p.Runs, RunTime: p.RunTime}
	}
	return programs, err
}

func (g *figures) resets() (map[metrics.Reset]uint64, error) {
	all, err := figure(g, kernel.Resets)
	resets := map[metrics.Reset]uint64{}
	for k, n := range all {
		resets[metrics.Reset{Direction: k.Direction, Phase: k.Phase}] = n
	}
	return resets, err
}

// hooks lists every purpose that there is to serve, also those that nothing serves.
func (g *figures) hooks() []metrics.Hook {
	attached, _ := figure(g, func(k kernel) (map[tracer.Purpose]string, error) { return k.Hooks(), nil })
	purposes, _ := figure(g, func(k kernel) ([]tracer.Purpose, error) { return k.Purposes(), nil })
	if purposes == nil {
		purposes = tracer.Purposes
	}
	var hooks []metrics.Hook
	for _, p := range purposes {
		hooks = append(hooks, metrics.Hook{Name: string(p), Variant: attached[p], Attached: attached[p] != ""})
	}
	return hooks
}

func (g *figures) libraries() map[metrics.Library]int {
	all, _ := figure(g, func(k kernel) ([]tracer.Target, error) { return k.Libraries(), nil })
	libraries := map[metrics.Library]int{}
	for _, t := range all {
		libraries[metrics.Library{Family: t.Family, State: string(t.State)}]++
	}
	return libraries
}

// inDepth counts the containers whose bytes are looked at one by one.
func (g *figures) inDepth(why tracer.Why) float64 {
	all, _ := figure(g, func(k kernel) (map[tracer.Why]int, error) { return k.InDepth(), nil })
	return float64(all[why])
}

// followed counts the processes that are watched more closely.
func (g *figures) followed() float64 {
	n, _ := figure(g, func(k kernel) (int, error) { return k.Followed(), nil })
	return float64(n)
}

func (g *figures) notFollowed() float64 {
	n, _ := figure(g, func(k kernel) (uint64, error) { return k.NotFollowed(), nil })
	return float64(n)
}

func (g *figures) notInDepth() uint64 {
	n, _ := figure(g, func(k kernel) (uint64, error) { return k.NotInDepth(), nil })
	return n
}

// attached says which variant serves each purpose, in words.
func (g *figures) attached() map[string]string {
	hooks := map[string]string{}
	for _, h := range g.hooks() {
		if h.Attached {
			hooks[h.Name] = h.Variant
		}
	}
	return hooks
}
