package kube

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	askers     = 4    // requests at the same time
	maxWaiting = 2048 // questions that wait
)

// subject is what a question is about.
type subject string

const (
	aboutAddress   subject = "address"        // who has it?
	aboutHolder    subject = "holder"         // does the same pod still have it?
	aboutOwner     subject = "owner"          // who controls it?
	aboutEndpoints subject = "endpointslices" // of a namespace
)

// question is something that only the API server knows. Equal questions are asked once.
type question struct {
	about     subject
	addr      netip.Addr
	owner     ownerKey
	namespace text
}

// pending is a question that was asked.
type pending struct {
	question
	since time.Time
	done  chan struct{} // closed when it is answered, or given up
}

// asker asks questions within the limits that the API server can bear.
type asker struct {
	options Options
	counts  *counts
	all     *rate.Limiter // every request
	spare   *rate.Limiter // questions that can do without: half of it
	queue   chan *pending
	health  *health

	mu    sync.Mutex
	asked map[question]*pending
	about map[subject]int // how many of each are in asked
}

func newAsker(o Options, c *counts) *asker {
	return &asker{
		options: o,
		counts:  c,
		all:     rate.NewLimiter(rate.Limit(o.QPS), o.Burst),
		spare:   rate.NewLimiter(rate.Limit(o.QPS/2), max(o.Burst/2, 1)),
		queue:   make(chan *pending, maxWaiting),
		health:  newHealth(o.Now, o.Logger),
		asked:   map[question]*pending{},
		about:   map[subject]int{},
	}
}

// ask asks, unless that question is waiting already. It returns nil if it cannot be asked now. A question that can do without
// an answer is asked only if there is room.
func (a *asker) ask(q question, canDoWithout bool) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.asked[q]; ok {
		return p
	}
	if canDoWithout && !a.spare.Allow() {
		return nil
	}
	if !a.health.open(q.resource()) {
		a.counts.refused.Add(1)
		return nil
	}
	p := &pending{question: q, since: a.options.Now(), done: make(chan struct{})}
	select {
	case a.queue <- p:
		a.asked[q] = p
		a.about[q.about]++
		return p
	default:
		a.counts.refused.Add(1)
		return nil
	}
}

// resource is what the API server has to be asked for.
func (q question) resource() string {
	switch {
	case q.about == aboutEndpoints:
		return "endpointslices"
	case q.about == aboutOwner && q.owner.kind == kindJob:
		return "jobs"
	case q.about == aboutOwner:
		return "replicasets"
	}
	return "pods"
}

// work answers questions until ctx is done.
func (a *asker) work(ctx context.Context, answer func(context.Context, *pending)) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-a.queue:
			if a.health.open(p.resource()) {
				answer(ctx, p)
			}
			a.settle(p)
		}
	}
}

func (a *asker) settle(p *pending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.asked, p.question)
	a.about[p.about]--
	close(p.done)
}

// pace waits until the next request may be made.
func (a *asker) pace(ctx context.Context) error { return a.all.Wait(ctx) }

func (a *asker) degraded() bool { return a.health.failing() }

func (a *asker) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// waits says whether a question is waiting.
func (a *asker) waits(q question) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.asked[q]
	return ok
}

// waitingFor says how many questions about a subject are waiting.
func (a *asker) waitingFor(s subject) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.about[s]
}
