package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// figures are those of one load.
type figures struct {
	cpu        float64 // ns of processor time of the proxy, for a request
	tool       float64 // of what watches, of one processor: 0.01 is one per cent
	throughput float64 // requests a second
	p99        float64 // ns
}

// load puts a load on a proxy, and accounts it.
func (l *lab) load(ctx context.Context, p profile, logged bool, window time.Duration) (f figures, requests int, err error) {
	proxy, tool := l.proxies[p.proxy], l.tool
	proxyBefore, errProxy := proxy.used()
	toolBefore, errTool := tool.used()
	begun := time.Now()
	load, err := wrk(ctx, l.client, othersCPU(), l.port(p, logged), p.closes, window)
	took := time.Since(begun)
	proxyAfter, errProxyAfter := proxy.used()
	toolAfter, errToolAfter := tool.used()
	if err := errors.Join(err, errProxy, errTool, errProxyAfter, errToolAfter); err != nil {
		return f, 0, err
	}
	return figures{
		cpu:        float64(proxyAfter-proxyBefore) / float64(load.requests),
		tool:       float64(toolAfter-toolBefore) / float64(took),
		throughput: float64(load.requests) / load.took.Seconds(),
		p99:        float64(load.p99),
	}, load.requests, nil
}

// compared is what a subject costs in a profile. Each sample holds one figure for each turn; without is the mean of the loads before and after.
type compared struct {
	subject       subject
	with, without turns
	tool          sample.Sample
}

type turns struct{ cpu, throughput, p99 sample.Sample }

func (t *turns) add(f figures) {
	t.cpu, t.throughput, t.p99 = append(t.cpu, f.cpu), append(t.throughput, f.throughput), append(t.p99, f.p99)
}

func mean(a, b figures) figures {
	return figures{cpu: (a.cpu + b.cpu) / 2, throughput: (a.throughput + b.throughput) / 2, p99: (a.p99 + b.p99) / 2}
}

// othersEvery is in which turns what is not ours is compared, too: it costs more than a few turns are needed to show.
const othersEvery = 2

// compare loads a proxy in turns: without, with the first subject, without, with the second, and so on, over and over.
func compare(ctx context.Context, progress io.Writer, l *lab, p profile, subjects []subject, o options) ([]compared, error) {
	all := make([]compared, len(subjects))
	before, _, err := l.load(ctx, p, false, o.window)
	if err != nil {
		return nil, err
	}
	for turn := range o.pairs {
		for i, s := range subjects {
			if !s.isAgent && turn%othersEvery != 0 {
				continue
			}
			with, err := l.loadWith(ctx, p, s, o.window)
			if err != nil {
				return nil, fmt.Errorf("with %s: %w", s.name, err)
			}
			after, _, err := l.load(ctx, p, false, o.window)
			if err != nil {
				return nil, err
			}
			c := &all[i]
			c.subject = s
			c.with.add(with)
			c.without.add(mean(before, after))
			c.tool = append(c.tool, with.tool)
			before = after
		}
		fmt.Fprintf(progress, "%s: turn %d of %d, %.1f µs a request, %.0f requests/s\n", p.name, turn+1, o.pairs, before.cpu/1000, before.throughput)
	}
	return all, nil
}

// loadWith loads a proxy while a subject watches.
func (l *lab) loadWith(ctx context.Context, p profile, s subject, window time.Duration) (f figures, err error) {
	w, err := s.settled(ctx, l, p)
	if w != nil {
		defer func() { err = errors.Join(err, w.close()) }()
	}
	if err != nil {
		return f, err
	}
	f, _, err = l.load(ctx, p, s.logged, window)
	return f, err
}
