package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// How many events wait for a name, and how many are being named. An event has a few kilobytes.
const (
	poolQueue   = 1024
	poolWorkers = 32
)

// pool names events beside the reading of the tracer, because a name may have to wait for the API server. It is a sink in front of
// another: every event that is written to it reaches that one exactly once, without names if the queue is full.
type pool struct {
	enrich  func(context.Context, *event.Event)
	next    sink.Sink // for many goroutines
	queue   chan event.Event
	ctx     context.Context // of enrich; done when there is no more time for names
	hurry   context.CancelFunc
	workers sync.WaitGroup
	now     func() time.Time
	begun   time.Time

	read    atomic.Uint64 // events that came
	unnamed atomic.Uint64 // events that found the queue full
	failed  atomic.Uint64 // events that next refused
	moved   atomic.Int64  // nanoseconds from begun to the last event that left: a step of the clock means nothing
	wrong   func(error)   // is told what next said
}

func newPool(next sink.Sink, enrich func(context.Context, *event.Event), now func() time.Time, wrong func(error)) *pool {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pool{
		enrich: enrich, next: next, queue: make(chan event.Event, poolQueue), ctx: ctx, hurry: cancel,
		now: now, begun: now(), wrong: wrong,
	}
	for range poolWorkers {
		p.workers.Go(p.work)
	}
	return p
}

// Write queues an event. It does not wait for names.
func (p *pool) Write(e event.Event) error {
	p.read.Add(1)
	select {
	case p.queue <- e:
	default:
		p.unnamed.Add(1)
		p.pass(e)
	}
	return nil
}

func (p *pool) work() {
	for e := range p.queue {
		p.enrich(p.ctx, &e)
		p.pass(e)
	}
}

func (p *pool) pass(e event.Event) {
	if err := p.next.Write(e); err != nil {
		p.failed.Add(1)
		p.wrong(err)
	}
	p.moved.Store(int64(p.now().Sub(p.begun)))
}

// stuck says that events wait and none has left for so long.
func (p *pool) stuck(patience time.Duration) bool {
	return len(p.queue) > 0 && p.now().Sub(p.begun)-time.Duration(p.moved.Load()) > patience
}

// drain lets the workers end with what is queued. When ctx is done they stop waiting for names, and pass on what they have.
func (p *pool) drain(ctx context.Context) {
	stop := context.AfterFunc(ctx, p.hurry)
	defer stop()
	close(p.queue)
	p.workers.Wait()
	p.hurry()
}

// Close drains the pool and closes what is behind it.
func (p *pool) Close() error {
	p.drain(context.Background())
	return p.next.Close()
}
