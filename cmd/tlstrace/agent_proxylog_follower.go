package main

import (
	"context"
	"slices"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/verdict"
)

// Times and bounds of following a log.
const (
	followPoll = 100 * time.Millisecond // how often it is looked at while an event waits
	followLook = 10                     // each so many looks it is asked whether another file has taken its place
	followIdle = time.Minute            // how long it stays open when none does
	maxHeard   = 256                    // failures that are remembered of it
)

// follower reads the log of one pod's proxy while events wait for it. A goroutine of its own does that: a file system that hangs
// holds up nothing else.
type follower struct {
	logs *proxyLogs
	pod  podName
	ctx  context.Context
	end  context.CancelFunc
	wake chan struct{}

	needed  uint64    // when it was needed last, in the order of needs; as waiting, guarded by logs.mu
	waiting []*waiter // and those that have passed since the last prune

	log   *podLog
	heard []event.Event // the newest failures, judged
	first uint64        // the number of heard[0]
}

// waiter is an event that waits for one log.
type waiter struct {
	held *heldEvent
	seen uint64 // failures that it was compared with are numbered below
}

// follower returns the follower of a pod's log, or nil if too many are needed. p.mu is held.
func (p *proxyLogs) follower(pod podName) *follower {
	f := p.followers[pod]
	if f == nil {
		if len(p.followers) >= maxFollowers && !p.evict() {
			return nil
		}
		f = &follower{logs: p, pod: pod, wake: make(chan struct{}, 1), log: newPodLog(p, pod)}
		f.ctx, f.end = context.WithCancel(p.ctx)
		p.followers[pod] = f
		go f.run()
	}
	p.needs++
	f.needed = p.needs
	return f
}

// evict ends the follower that nothing has needed for the longest time. p.mu is held.
func (p *proxyLogs) evict() bool {
	var oldest *follower
	for _, f := range p.followers {
		if len(f.prune()) == 0 && (oldest == nil || f.needed < oldest.needed) {
			oldest = f
		}
	}
	if oldest == nil {
		return false
	}
	oldest.end()
	delete(p.followers, oldest.pod)
	return true
}

// need adds an event that waits, unless too many do. logs.mu is held.
func (f *follower) need(h *heldEvent) bool {
	if len(f.prune()) >= maxWaiters {
		return false
	}
	f.waiting = append(f.waiting, &waiter{held: h})
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return true
}

// prune forgets the events that have passed. logs.mu is held.
func (f *follower) prune() []*waiter {
	f.waiting = slices.DeleteFunc(f.waiting, func(w *waiter) bool {
		_, waits := f.logs.held[w.held]
		return !waits
	})
	return f.waiting
}

// waiters are those that wait now.
func (f *follower) waiters() []*waiter {
	f.logs.mu.Lock()
	defer f.logs.mu.Unlock()
	return slices.Clone(f.prune())
}

// retire takes the follower out of use, unless an event waits for it.
func (f *follower) retire() bool {
	f.logs.mu.Lock()
	defer f.logs.mu.Unlock()
	if len(f.prune()) > 0 {
		return false
	}
	if f.logs.followers[f.pod] == f {
		delete(f.logs.followers, f.pod)
	}
	return true
}

// run follows the log whenever an event waits for it, until none has for [followIdle].
func (f *follower) run() {
	defer f.end()
	defer f.log.close()
	for {
		idle := time.NewTimer(followIdle)
		select {
		case <-f.wake:
			idle.Stop()
			f.listen()
		case <-idle.C:
			if f.retire() {
				return
			}
		case <-f.ctx.Done():
			idle.Stop()
			f.retire()
			return
		}
	}
}

// listen reads what is written for as long as an event waits.
func (f *follower) listen() {
	poll := time.NewTicker(followPoll)
	defer poll.Stop()
	for look := 0; ; look++ {
		waiting := f.waiters()
		if len(waiting) == 0 {
			return
		}
		f.hear(look)
		for _, w := range waiting {
			f.tell(w)
		}
		select {
		case <-poll.C:
		case <-f.ctx.Done():
			return
		}
	}
}

// hear reads what is new. When the log was left alone for a while, only its end is.
func (f *follower) hear(look int) {
	most := int64(podLogStep)
	if look == 0 {
		most = podLogTail
	}
	newer := look%followLook == 0 && f.log.look()
	f.log.read(most, f.remember)
	if newer {
		f.log.turn()
		f.log.read(podLogTail, f.remember)
	}
}

// remember keeps a failure that the log tells of, if it says what a library said: that alone can complete an event.
func (f *follower) remember(e event.Event) {
	e = verdict.JudgeLog(e)
	if e.Outcome != event.Failed || e.Library == nil {
		return
	}
	if len(f.heard) == maxHeard {
		f.heard = slices.Delete(f.heard, 0, 1)
		f.first++
	}
	f.heard = append(f.heard, e)
}

// tell passes an event on if a failure that it was not compared with yet is its own.
func (f *follower) tell(w *waiter) {
	var found *event.Event
	end := f.first + uint64(len(f.heard))
	for n := max(w.seen, f.first); n < end; n++ {
		log := &f.heard[n-f.first]
		if proxylog.Matches(w.held.event, *log) && (found == nil || closer(w.held.event, *log, *found)) {
			found = log
		}
	}
	w.seen = end
	if found == nil {
		return
	}
	if e := verdict.Complete(w.held.event, *found); e.Library != nil {
		f.logs.give(w.held, withSource(e, f.pod), true)
	}
}

// closer prefers the failure that knows the client's port, which only one connection has, then the one that is nearer in time.
func closer(e, a, b event.Event) bool {
	if known := a.Client.Port != 0; known != (b.Client.Port != 0) {
		return known
	}
	return e.Time.Sub(a.Time).Abs() < e.Time.Sub(b.Time).Abs()
}
