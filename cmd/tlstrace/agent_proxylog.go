package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// Bounds of waiting for what proxies log.
const (
	// logHold is how long a failure waits. Envoy writes its access log when the request is over, and in Istio a second after that at the
	// latest (--file-flush-interval-msec 1000, istio/pkg/envoy/proxy.go).
	logHold = 2 * time.Second
	// maxHeld is how many failures wait at a time. An event has a few kilobytes.
	maxHeld = 1000
	// maxWaiters is how many of them wait for one log: a pod where everything fails leaves room for others.
	maxWaiters = 250
	// maxFollowers is how many logs are open at a time. Each has a buffer of a megabyte for its reader.
	maxFollowers = 32
)

// proxyLogs is a sink in front of another, for many goroutines. A failure of which the reason was not seen waits in it until the log of
// a proxy of this node tells the reason, or [logHold] has passed. Every other event passes at once. Every event reaches next exactly once.
type proxyLogs struct {
	dir   string // of the pods' logs, as the kubelet lays them out
	node  string
	next  sink.Sink
	log   *slog.Logger
	wrong func(error) // is told what next said of an event that had waited

	ctx     context.Context // of the followers
	end     context.CancelFunc
	passing sync.WaitGroup // events that have not reached next yet

	mu        sync.Mutex
	held      map[*heldEvent]struct{}
	followers map[podName]*follower
	needs     uint64 // how often a follower was needed

	counts  logCounts
	unread  rate.Sometimes // tells that the directory cannot be read
	refused rate.Sometimes // tells that a log cannot
}

// heldEvent is an event that waits.
type heldEvent struct {
	event event.Event
	timer *time.Timer
}

func newProxyLogs(dir, node string, next sink.Sink, log *slog.Logger, wrong func(error)) *proxyLogs {
	ctx, cancel := context.WithCancel(context.Background())
	return &proxyLogs{
		dir: dir, node: node, next: next, log: log, wrong: wrong, ctx: ctx, end: cancel,
		held: map[*heldEvent]struct{}{}, followers: map[podName]*follower{},
		unread: rate.Sometimes{First: 1}, refused: rate.Sometimes{First: 1},
	}
}

// Write passes an event on, or keeps it until its reason is told. It does not wait itself, and touches no file.
func (p *proxyLogs) Write(e event.Event) error {
	pods := proxiesOf(e, p.node)
	switch {
	case len(pods) == 0:
		return p.next.Write(e)
	case !p.hold(e, pods):
		p.counts.full.Add(1)
		return p.next.Write(e)
	}
	return nil
}

// hold keeps an event, unless too many wait or too many logs are needed.
func (p *proxyLogs) hold(e event.Event, pods []podName) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) >= maxHeld {
		return false
	}
	h := &heldEvent{event: e}
	needed := 0
	for _, pod := range pods {
		if f := p.follower(pod); f != nil && f.need(h) {
			needed++
		}
	}
	if needed == 0 {
		return false
	}
	p.held[h] = struct{}{}
	p.passing.Add(1)
	h.timer = time.AfterFunc(logHold, func() { p.give(h, e, false) })
	return true
}

// give passes on an event that has waited, as it is now. Only the first call for it does.
func (p *proxyLogs) give(h *heldEvent, e event.Event, told bool) {
	p.mu.Lock()
	_, waits := p.held[h]
	delete(p.held, h)
	p.mu.Unlock()
	if !waits {
		return
	}
	defer p.passing.Done()
	h.timer.Stop()
	if told {
		p.counts.told.Add(1)
	} else {
		p.counts.silent.Add(1)
	}
	if err := p.next.Write(e); err != nil {
		p.wrong(err)
	}
}

// finish waits until all events have passed, and lets them go unchanged when ctx is done. Nothing may be written any more. Without
// --proxy-logs there is nothing to finish.
func (p *proxyLogs) finish(ctx context.Context) {
	if p == nil {
		return
	}
	defer p.end()
	stop := context.AfterFunc(ctx, p.hurry)
	defer stop()
	p.passing.Wait()
}

// hurry lets all events go.
func (p *proxyLogs) hurry() {
	p.mu.Lock()
	var all []*heldEvent
	for h := range p.held {
		all = append(all, h)
	}
	p.mu.Unlock()
	for _, h := range all {
		p.give(h, h.event, false)
	}
}

// Close finishes, and closes what is behind it.
func (p *proxyLogs) Close() error {
	p.finish(context.Background())
	return p.next.Close()
}

// checkProxyLogs refuses to look for pods where none has a name.
func (f *agentFlags) checkProxyLogs() error {
	if f.proxyLogs != "" && f.kubernetes.Value == "off" {
		return errors.New("--proxy-logs looks for logs by the names of pods, --kubernetes off gives none: give one of them")
	}
	return nil
}

// withProxyLogs puts the waiting for logs in front of out, if --proxy-logs asks for it.
func (a *agent) withProxyLogs(out sink.Sink, wrong func(error)) sink.Sink {
	if a.f.proxyLogs == "" {
		return out
	}
	if a.names.kube == nil {
		a.log.Warn("--proxy-logs does nothing: there is no cluster to name pods; give --kubeconfig, or run it in a pod")
	}
	a.waiting = newProxyLogs(a.f.proxyLogs, a.node, out, a.log, wrong)
	a.waiting.register(a.counted.metrics.Registry())
	return a.waiting
}
