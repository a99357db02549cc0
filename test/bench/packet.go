package main

import (
	"context"

	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// packetCost is what the programs cost on every packet, per run: each sample holds one figure per run.
type packetCost struct {
	dispatch sample.Sample // ns: empty programs, beyond a socket without
	programs sample.Sample // ns: tlstrace's beyond empty ones, by the clock of the thread that sends
	counted  sample.Sample // ns: the same by the kernel's account of run times
	hits     float64
}

// packetRuns is how often the lanes are compared, each time on new connections.
const packetRuns = 15

// measurePackets compares lanes in turns on the packets of one kind of connection.
func measurePackets(ctx context.Context, b *bench, t lane.Talk) (*packetCost, error) {
	cost := &packetCost{}
	for range packetRuns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := cost.run(b, t); err != nil {
			return nil, err
		}
	}
	return cost, nil
}

// run is one comparison: first by the clock, then with the kernel's statistics on, which slow every program down.
func (p *packetCost) run(b *bench, t lane.Talk) error {
	const perLane = 2 // connections: one for each way to measure
	var lanes [3][]*lane.Exchange
	for i, l := range b.lanes() {
		var err error
		if lanes[i], err = t.Open(b.cgroups, l, perLane); err != nil {
			return err
		}
		defer func() { _ = lane.CloseAll(lanes[i]) }()
	}
	took, err := t.InTurns(lanes[0][0], lanes[1][0], lanes[2][0])
	if err != nil {
		return err
	}
	counted, err := b.counted(t, lanes[1][1], lanes[2][1])
	if err != nil {
		return err
	}
	p.hits = counted.hits
	packets := p.hits * float64(t.Batch)
	p.dispatch = append(p.dispatch, took[1].Minus(took[0]).Over(packets).Median())
	p.programs = append(p.programs, took[2].Minus(took[1]).Over(packets).Median())
	p.counted = append(p.counted, counted.traced-counted.empty)
	return nil
}

// countedRuns is what the kernel says of runs: nanoseconds a run, and runs of traced programs a round trip.
type countedRuns struct{ empty, traced, hits float64 }

// counted alternates as [lane.Talk.InTurns] does, and reads the kernel's statistics around each batch.
func (b *bench) counted(t lane.Talk, empty, traced *lane.Exchange) (countedRuns, error) {
	stop, err := lane.EnableStats()
	if err != nil {
		return countedRuns{}, err
	}
	defer stop()
	var each [2]sample.Sample
	var hits sample.Sample
	for range t.Batches {
		for i, x := range []*lane.Exchange{empty, traced} {
			l := []*lane.Lane{b.empty, b.traced.Lane}[i]
			ran, err := l.During(func() error { return x.RoundTrips(t.Batch) })
			if err != nil {
				return countedRuns{}, err
			}
			each[i] = append(each[i], float64(ran.Time)/float64(ran.Runs))
			hits = append(hits, float64(ran.Runs)/float64(t.Batch))
		}
	}
	return countedRuns{each[0].Median(), each[1].Median(), hits.Median()}, nil
}
