package main

import (
	"context"
	"fmt"
	"time"
)

// packetCost is what the programs cost on every packet, per run: each sample holds one figure per run.
type packetCost struct {
	dispatch sample // ns: empty programs, beyond a socket without
	programs sample // ns: tlstrace's beyond empty ones, by the clock of the thread that sends
	counted  sample // ns: the same by the kernel's account of run times
	hits     float64
}

// packetRuns is how often the lanes are compared, each time on new connections.
const packetRuns = 15

// measurePackets compares lanes in turns on the packets of one kind of connection.
func measurePackets(ctx context.Context, b *bench, t talk) (*packetCost, error) {
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
func (p *packetCost) run(b *bench, t talk) error {
	const perLane = 2 // connections: one for each way to measure
	var lanes [3][]*exchange
	for i, l := range []*lane{b.bare, b.empty, b.traced} {
		var err error
		if lanes[i], err = t.openExchanges(b.cgroups, l, perLane); err != nil {
			return err
		}
		defer func() { _ = closeAll(lanes[i]) }()
	}
	took, err := inTurns(t, lanes[0][0], lanes[1][0], lanes[2][0])
	if err != nil {
		return err
	}
	counted, err := b.counted(t, lanes[1][1], lanes[2][1])
	if err != nil {
		return err
	}
	p.hits = counted.hits
	packets := p.hits * float64(t.batch)
	p.dispatch = append(p.dispatch, took[1].minus(took[0]).over(packets).median())
	p.programs = append(p.programs, took[2].minus(took[1]).over(packets).median())
	p.counted = append(p.counted, counted.traced-counted.empty)
	return nil
}

// inTurns times batches of round trips on each connection in turns, in nanoseconds a batch. The order rotates, so that none
// always follows the same one.
func inTurns(t talk, all ...*exchange) ([]sample, error) {
	took := make([]sample, len(all))
	for i := range t.batches {
		for j := range all {
			k := (i + j) % len(all)
			begun := time.Now()
			if err := all[k].roundTrips(t.batch); err != nil {
				return nil, fmt.Errorf("exchange: %w", err)
			}
			took[k] = append(took[k], float64(time.Since(begun)))
		}
	}
	return took, nil
}

// countedRuns is what the kernel says of runs: nanoseconds a run, and runs of traced programs a round trip.
type countedRuns struct{ empty, traced, hits float64 }

// counted alternates as inTurns does, and reads the kernel's statistics around each batch.
func (b *bench) counted(t talk, empty, traced *exchange) (countedRuns, error) {
	stop, err := enableStats()
	if err != nil {
		return countedRuns{}, err
	}
	defer stop()
	var each [2]sample
	var hits sample
	for range t.batches {
		for i, x := range []*exchange{empty, traced} {
			l := []*lane{b.empty, b.traced}[i]
			ran, err := l.during(func() error { return x.roundTrips(t.batch) })
			if err != nil {
				return countedRuns{}, err
			}
			each[i] = append(each[i], float64(ran.time)/float64(ran.runs))
			hits = append(hits, float64(ran.runs)/float64(t.batch))
		}
	}
	return countedRuns{each[0].median(), each[1].median(), hits.median()}, nil
}
