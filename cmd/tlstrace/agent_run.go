package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

// quietly is how often a trouble is told that every event may have.
const quietly = 10 * time.Second

// agent is everything that runs in one. [assemble] makes it, [agent.run] lets it run.
type agent struct {
	w       *world
	f       *agentFlags
	log     *slog.Logger
	node    string
	names   *namer
	told    *told
	counted *counted
	pool    *pool
	waiting *proxyLogs // nil without --proxy-logs
	health  *health
	reload  *reloader
	server  *server
	figures *figures
}

// flow is the agent's chart: tracer -> verdict -> pool{enrich -> counted, told}; with --proxy-logs, pool{enrich -> waiting -> counted, told}.
func (a *agent) flow(events source) flow {
	return flow{
		tracer:  events,
		verdict: verdict.Judge,
		enrich:  func(e *event.Event) { e.Node = a.node },
		filter:  func(event.Event) bool { return true },
		sink:    a.pool,
	}
}

// run traces until ctx is done or something ends that the agent cannot do without, then writes out what was read.
func (a *agent) run(ctx context.Context) error {
	var beside sync.WaitGroup
	running, cancel := context.WithCancel(context.Background())
	a.besides(running, &beside)
	defer beside.Wait()
	defer cancel()

	events, err := a.w.open(a.options())
	if err != nil {
		return errors.Join(err, a.stop(nil))
	}
	a.figures.from(events)
	a.health.attached(a.figures.attached())
	a.log.Info("tracing", a.facts()...)
	a.giveUp(events)
	debug.FreeOSMemory() // attaching reads the types of the whole kernel, which are of no more use
	ended := make(chan error, 1)
	reading, enough := context.WithCancel(ctx)
	go func() { ended <- a.flow(events).run(reading) }()
	select {
	case err = <-ended:
	case err = <-a.server.ended:
	case <-a.told.out.gone:
		err = errOutputGone
	case <-ctx.Done():
	}
	a.health.stopping()
	if enough(); err == nil && ctx.Err() != nil {
		err = <-ended
	}
	a.log.Info("stopping")
	return errors.Join(err, a.stop(events))
}

// besides starts what runs beside the flow, until ctx is done.
func (a *agent) besides(ctx context.Context, running *sync.WaitGroup) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	running.Go(func() {
		defer signal.Stop(hup)
		a.reload.run(ctx, hup)
	})
	running.Go(func() { a.counted.metrics.Run(ctx) })
	running.Go(func() { a.names.run(ctx) })
}

// giveUp goes on with no more privileges than it needs. An agent that cannot give them up goes on, and says so.
func (a *agent) giveUp(events source) {
	kept, err := giveUp(events, a.f.historyDir)
	if err != nil {
		a.log.Warn("keeps the privileges that it began with", "error", err.Error())
		return
	}
	a.log.Info("gave up privileges", "kept", kept)
}
