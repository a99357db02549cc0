package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// handshakeCost is what tracing costs on a connection that carries a handshake that succeeds, a request and its answer, with both
// ends on this machine, in nanoseconds. Each sample holds one figure per run.
type handshakeCost struct {
	bare     sample.Sample // without any program
	dispatch sample.Sample // empty programs on every packet, beyond none
	all      sample.Sample // tlstrace beyond no programs: dispatch included
	programs sample.Sample // tlstrace beyond empty programs
	counted  sample.Sample // tlstrace's run times by the kernel's account, those of as many empty runs taken off
	hits     sample.Sample // runs of programs, by that account
}

const (
	handshakeRuns   = 10
	handshakesALane = 60 // in a run, by the clock, and as many by the kernel's account
)

// measureHandshakes compares the lanes in turns.
func measureHandshakes(ctx context.Context, b *bench, p player) (*handshakeCost, error) {
	cost := &handshakeCost{}
	before, err := b.tracer.Stats()
	if err != nil {
		return nil, err
	}
	for range handshakeRuns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := cost.run(b, p); err != nil {
			return nil, err
		}
	}
	after, err := b.tracer.Stats()
	if err != nil {
		return nil, err
	}
	return cost, checkSucceeded(after.Succeeded - before.Succeeded)
}

// checkSucceeded makes sure that what was measured is what it is for.
func checkSucceeded(n uint64) error {
	if want := uint64(2 * handshakeRuns * handshakesALane); n < want {
		return fmt.Errorf("the tracer saw only %d of %d handshakes succeed", n, want)
	}
	return nil
}

func (h *handshakeCost) run(b *bench, p player) (err error) {
	var lanes []*sockets
	defer func() {
		for _, s := range lanes {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, l := range b.lanes() {
		s, err := newSockets(b.cgroups, l, 2*handshakesALane)
		if err != nil {
			return err
		}
		lanes = append(lanes, s)
	}
	took, err := playInTurns(p, lanes)
	if err != nil {
		return err
	}
	h.bare = append(h.bare, took[0].Median())
	h.dispatch = append(h.dispatch, took[1].Minus(took[0]).Median())
	h.all = append(h.all, took[2].Minus(took[0]).Median())
	h.programs = append(h.programs, took[2].Minus(took[1]).Median())
	return h.count(b, p, lanes[1], lanes[2])
}

func playInTurns(p player, lanes []*sockets) ([]sample.Sample, error) {
	took := make([]sample.Sample, len(lanes))
	for i := range handshakesALane {
		for j := range lanes {
			k := (i + j) % len(lanes)
			d, err := p.play(lanes[k])
			if err != nil {
				return nil, fmt.Errorf("handshake: %w", err)
			}
			took[k] = append(took[k], float64(d))
		}
	}
	return took, nil
}

// count sums what the kernel says of the runs of every program during each handshake, and takes off what it says of empty ones.
func (h *handshakeCost) count(b *bench, p player, empty, traced *sockets) error {
	stop, err := lane.EnableStats()
	if err != nil {
		return err
	}
	defer stop()
	var nothing, total, hits sample.Sample
	for range handshakesALane {
		idle, err := b.empty.During(func() error { _, err := p.play(empty); return err })
		if err != nil {
			return err
		}
		busy, err := b.traced.During(func() error { _, err := p.play(traced); return err })
		if err != nil {
			return err
		}
		nothing = append(nothing, float64(idle.Time)/float64(idle.Runs))
		total = append(total, float64(busy.Time))
		hits = append(hits, float64(busy.Runs))
	}
	h.counted = append(h.counted, total.Median()-nothing.Median()*hits.Median())
	h.hits = append(h.hits, hits.Median())
	return nil
}
