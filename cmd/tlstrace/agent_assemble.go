package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/klog/v2"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

// assemble makes everything but the tracer, from the end of the flow to its beginning, and serves. On an error nothing is left
// behind that would outlive the process.
func assemble(ctx context.Context, w *world, f *agentFlags, log *slog.Logger) (*agent, error) {
	info, _ := debug.ReadBuildInfo()
	b := thisBuild(info)
	a := &agent{w: w, f: f, log: log, figures: &figures{}, health: newHealth(w.now)}
	saveMemory()
	limitMemory(w.proc, w.cgroups, log)
	klog.SetSlogLogger(log) // the Kubernetes client has no other way to say something
	for _, step := range []func(context.Context, build) error{a.openNames, a.openCounted, a.openTold, a.openPool, a.serve} {
		if err := step(ctx, b); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *agent) openNames(_ context.Context, b build) (err error) {
	if a.node, err = nodeName(a.f); err != nil {
		return err
	}
	a.names, err = openNames(a.w, a.f, a.node, b.Version, a.log)
	if err == nil {
		a.health.synced = a.names.synced()
	}
	return err
}

func (a *agent) openTold(ctx context.Context, b build) (err error) {
	export, err := openExport(ctx, a, b)
	if err == nil {
		a.told, err = openTold(a.w, a.f, export, a.log)
	}
	return err
}

// openPool makes what names the events, and hands them to the metrics first, which see them all.
func (a *agent) openPool(context.Context, build) error {
	seldom := rate.Sometimes{Interval: quietly}
	wrong := func(err error) {
		seldom.Do(func() { a.log.Error("an event was not told everywhere", "error", err.Error()) })
	}
	a.pool = newPool(a.withProxyLogs(sink.Multi{a.counted.metrics, a.told}, wrong), a.names.fill, a.w.now, wrong)
	a.health.stuck = func() bool { return a.pool.stuck(stuckAfter) }
	a.reload = newReloader(a.w, a.f, a.apply, a.log)
	a.countItself()
	return nil
}

// nodeName is what this node is called in Kubernetes, most likely: kubelet takes the host's name, too.
func nodeName(f *agentFlags) (string, error) {
	if f.node != "" {
		return f.node, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("--node: %w", err)
	}
	return name, nil
}

// serve opens the address, and refuses one where strangers could read what only those may who are let in.
func (a *agent) serve(ctx context.Context, _ build) error {
	keys, err := openKeyPair(a.f, a.log)
	if err != nil {
		return err
	}
	l, err := listenOn(ctx, a.f.listen)
	if err != nil {
		return err
	}
	gate, err := newGate(a.f, l.Addr(), a.names.client)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if keys == nil && !isLoopback(l.Addr()) && gate.what() != (openGate{}).what() {
		a.log.Warn("tokens can be read on the way here: give --tls-cert, or let others reach --listen by an encrypted way only")
	}
	e := endpoints{
		metrics: a.counted.metrics.Handler(), events: a.told.handler(), health: a.health, gate: gate, pprof: a.f.pprof,
	}
	a.server = serve(l, e.handler(), keys, a.log)
	a.log.Info("serving", "address", l.Addr().String(), "tls", keys != nil, "events_for", gate.what())
	return nil
}

// options are the tracer's.
func (a *agent) options() tracer.Options {
	o := a.f.tracer
	all := a.f.logEvents.Value == "all"
	o.Successes, o.Noise = all, all // else they are counted, and never leave the kernel
	o.Logger = a.log
	o.Capture = tracer.Capture(a.f.capture.Value)
	return o
}

// apply takes what can change while the agent runs out of settings that were read again.
func (a *agent) apply(f *agentFlags) error {
	wanted, err := f.wanted()
	if err != nil {
		return err
	}
	return a.told.set(wanted, f.fold)
}

// facts describe the agent in the message that it traces.
func (a *agent) facts() []any {
	return []any{"node", a.node, "hooks", a.figures.attached(), "capture", a.f.capture.Value, "kubernetes", a.names.client != nil}
}

// remaining is the time until ctx is done.
func remaining(ctx context.Context) time.Duration {
	until, ok := ctx.Deadline()
	if !ok {
		return time.Hour
	}
	return max(time.Until(until), 0)
}
