package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/lane"
)

// hitsOfProxy is the share of the hits in libraries that are the proxy's. A client looks at a certificate, and also wrk does, which does not mind
// what is in it: each connection has one end that is hit, and in a chain every second of those ends is the proxy's.
func (p profile) hitsOfProxy() float64 {
	if p.lean {
		return 0
	}
	return 0.5
}

// counted is how often the agent's programs ran for a request, and for how long, by the kernel's account.
type counted struct {
	subject  subject
	profile  profile
	packets  float64 // of the proxy's sockets, for a request
	emptyNS  float64 // that a program took that does nothing, on the same packets at the same time
	programs map[string]counting
}

// counting is one program: on all ends of all connections of the chain, of which the proxy has every second one.
type counting struct {
	runs float64 // for a request
	ns   float64 // a run
}

// kind tells programs apart by where they run.
type kind int

const (
	onPacket kind = iota
	inLibrary
	onSocket // births, ends and resets of connections
)

func kindOf(program string) kind {
	switch {
	case program == "packet_sent" || program == "packet_received":
		return onPacket
	case program == "socket_event" || program == "syn_refused" || program == "socket_destroyed" || strings.HasPrefix(program, "reset_"):
		return onSocket
	}
	return inLibrary
}

// countRuns loads a proxy while the agent watches and the kernel counts.
func countRuns(ctx context.Context, l *lab, p profile, s subject, window time.Duration) (c counted, err error) {
	w, err := s.settled(ctx, l, p)
	if w != nil {
		defer func() { err = errors.Join(err, w.close()) }()
	}
	if err != nil {
		return c, err
	}
	stop, err := lane.EnableStats()
	if err != nil {
		return c, err
	}
	defer stop()
	return l.countWatched(ctx, p, s, w, window)
}

// countedLoads is how many loads are counted, of which the one with the middle cost is told: a run is measured by the clock, and takes longer when
// something comes in between.
const countedLoads = 3

func (l *lab) countWatched(ctx context.Context, p profile, s subject, w *watcher, window time.Duration) (c counted, err error) {
	empty, err := lane.EmptyAt(l.proxies[p.proxy].dir)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	var all []counted
	for range countedLoads {
		if c, err = l.countLoad(ctx, p, s, w, empty, window); err != nil {
			return c, err
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b counted) int { return cmp.Compare(a.allTime(), b.allTime()) })
	return all[len(all)/2], nil
}

// allTime is what all programs took for a request beyond empty ones.
func (c counted) allTime() float64 { return c.time(onPacket) + c.time(onSocket) + c.time(inLibrary) }

func (l *lab) countLoad(ctx context.Context, p profile, s subject, w *watcher, empty *lane.Lane, window time.Duration) (c counted, err error) {
	before, err := programs(ctx, w.listen)
	if err != nil {
		return c, err
	}
	requests := 0
	ran, err := empty.During(func() (err error) {
		_, requests, err = l.load(ctx, p, false, window)
		return err
	})
	if err != nil {
		return c, err
	}
	after, err := programs(ctx, w.listen)
	if err != nil {
		return c, err
	}
	if ran.Runs == 0 {
		return c, fmt.Errorf("%s: no packet was counted", p.name)
	}
	return newCounted(p, s, since(before, after), ran, requests), nil
}

func newCounted(of profile, s subject, ran map[string]program, empty lane.Ran, requests int) counted {
	c := counted{
		subject: s, profile: of, packets: float64(empty.Runs) / float64(requests), emptyNS: float64(empty.Time) / float64(empty.Runs), programs: map[string]counting{},
	}
	for name, p := range ran {
		if p.runs > 0 {
			c.programs[name] = counting{runs: p.runs / float64(requests), ns: p.seconds * 1e9 / p.runs}
		}
	}
	return c
}

// runs sums the runs of a kind, for a request.
func (c counted) runs(of kind) float64 {
	sum := 0.0
	for name, p := range c.programs {
		if kindOf(name) == of {
			sum += p.runs
		}
	}
	return sum
}

// time sums what the programs of a kind took for a request beyond as many that do nothing, in nanoseconds.
func (c counted) time(of kind) float64 {
	sum := 0.0
	for name, p := range c.programs {
		if kindOf(name) == of {
			sum += p.runs * max(0, p.ns-c.emptyNS)
		}
	}
	return sum
}

// traps sums what it took to come to the programs in libraries, for a request: most are on an instruction that the kernel has to step through.
func (c counted) traps(each costs) float64 {
	sum := 0.0
	for name, p := range c.programs {
		switch {
		case kindOf(name) != inLibrary:
		case name == "verify_call":
			sum += p.runs * each.call.Median()
		default:
			sum += p.runs * each.hit.Median()
		}
	}
	return sum
}

// share is what the proxy pays for a request, in nanoseconds: what programs do, and that they are called at all. It owns every second end of
// the connections.
type share struct{ packets, sockets, hits float64 }

func (s share) total() float64 { return s.packets + s.sockets + s.hits }

// String tells the parts, in microseconds.
func (s share) String() string {
	return fmt.Sprintf("%s µs (packets %s, probes %s, sockets %s)",
		significant(s.total()/1000), significant(s.packets/1000), significant(s.hits/1000), significant(s.sockets/1000))
}

func (c counted) share(each costs) share {
	dispatch := each.dispatch.Median()
	s := share{
		sockets: (c.runs(onSocket)*dispatch + c.time(onSocket)) / 2,
		hits:    c.profile.hitsOfProxy() * (c.traps(each) + c.time(inLibrary)),
	}
	if runs := c.runs(onPacket); runs > 0 {
		s.packets = min(runs, c.packets) * (dispatch + c.time(onPacket)/runs)
	}
	return s
}
