package main

import (
	"context"
	"errors"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// costs are what single things cost on this machine, in nanoseconds.
type costs struct {
	dispatch sample.Sample // of a program on a packet that does nothing
	hit      sample.Sample // of a probe that does nothing, on an instruction that the kernel has to step through
	call     sample.Sample // of one on a call, which the kernel emulates
	stats    sample.Sample // what kernel.bpf_stats_enabled adds to a run
}

// costRuns is how often each is measured.
const costRuns = 11

func measureCosts(ctx context.Context, tree *cgroup.Tree) (c costs, err error) {
	bare, errBare := lane.Bare(tree)
	empty, errEmpty := lane.Empty(tree)
	if err := errors.Join(errBare, errEmpty); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	for range costRuns {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		if err := c.packets(tree, bare, empty); err != nil {
			return c, err
		}
		if err := c.probes(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// packets times what programs cost that do nothing, on packets that one thread sends to itself.
func (c *costs) packets(tree *cgroup.Tree, bare, empty *lane.Lane) error {
	talk := lane.Established
	talk.Batches = 200
	without, err := talk.Open(tree, bare, 1)
	if err != nil {
		return err
	}
	defer func() { _ = lane.CloseAll(without) }()
	with, err := talk.Open(tree, empty, 1)
	if err != nil {
		return err
	}
	defer func() { _ = lane.CloseAll(with) }()
	took, err := talk.InTurns(without[0], with[0])
	if err != nil {
		return err
	}
	stop, err := lane.EnableStats()
	if err != nil {
		return err
	}
	defer stop()
	var counted []sample.Sample
	ran, err := empty.During(func() (err error) {
		counted, err = talk.InTurns(without[0], with[0])
		return err
	})
	if err != nil {
		return err
	}
	runs := float64(ran.Runs) / float64(talk.Batches)
	plain := took[1].Minus(took[0]).Median()
	c.dispatch = append(c.dispatch, plain/runs)
	c.stats = append(c.stats, (counted[1].Minus(counted[0]).Median()-plain)/runs)
	return nil
}
