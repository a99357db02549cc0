package tracer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds and times of looks in depth.
const (
	maxNotices  = 1024            // waiting to be heeded
	maxQueued   = 4096            // cgroups waiting for their turn
	maxTrusted  = 8192            // cgroups that were looked at, and nothing was found
	longestTry  = time.Hour       // that a trusted cgroup is left alone, however often it looks suspicious
	drain       = 5 * time.Second // for handshakes that are under way when a look ends
	decideEvery = 250 * time.Millisecond
)

// notice says why a cgroup is worth a look. A sure one is a failure that is told; the others are signs that fit a failure, and fit
// many a healthy connection, too.
type notice struct {
	cgroup uint64
	why    Why
	sure   bool
}

// depth decides at which cgroups to look in depth, and lets go of those that have been clean for a while. All the work is done by
// one goroutine, off the path of events.
type depth struct {
	lens    focuser
	hold    time.Duration
	max     int
	now     func() time.Time
	log     *slog.Logger
	notices chan notice
	missed  atomic.Uint64 // what did not fit into a queue, or could not be looked at

	mu      sync.Mutex
	looks   map[uint64]*look
	queue   []notice
	trusted map[uint64]trust
}

// focuser is what a lens does.
type focuser interface {
	focus(cgroup uint64) (*focused, error)
	admit(cgroup uint64) error
	avert(cgroup uint64) error
	release(v *focused) (forgotten int, err error)
	close() error
}

// look is a cgroup that is looked at.
type look struct {
	view    *focused
	why     Why
	until   time.Time // zero: for good
	drained time.Time // when it is let go, once it is averted
	failed  bool      // a failure was seen
}

// trust is how long a cgroup is left alone that was clean when it was looked at.
type trust struct {
	until time.Time
	wait  time.Duration
}

func newDepth(o Options, l focuser, now func() time.Time) *depth {
	return &depth{
		lens: l, hold: o.Hold, max: o.MaxInDepth, now: now, log: o.Logger, notices: make(chan notice, maxNotices),
		looks: map[uint64]*look{}, trusted: map[uint64]trust{},
	}
}

// heed asks for a look at a cgroup. It never blocks.
func (d *depth) heed(n notice) {
	select {
	case d.notices <- n:
	default:
		d.missed.Add(1)
	}
}

// ask looks at cgroups for good.
func (d *depth) ask(paths []string) error {
	for _, path := range paths {
		path, err := checkCgroup2(path)
		if err != nil {
			return err
		}
		id, err := cgroupID(path)
		if err != nil {
			return err
		}
		if err := d.begin(notice{cgroup: id, why: WhyAsked}); err != nil {
			return fmt.Errorf("look at %s: %w", path, err)
		}
	}
	return nil
}

// run decides until ctx is done, then lets go of all.
func (d *depth) run(ctx context.Context) {
	tick := time.NewTicker(decideEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := d.close(); err != nil {
				d.log.Warn("cannot let go of a cgroup", "error", err)
			}
			return
		case n := <-d.notices:
			d.consider(n)
		case <-tick.C:
			d.decide()
		}
	}
}

// consider takes a notice into account.
func (d *depth) consider(n notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.looks[n.cgroup]; l != nil {
		d.prolong(l, n)
		return
	}
	if n.sure {
		delete(d.trusted, n.cgroup)
	} else if t, ok := d.trusted[n.cgroup]; ok && d.now().Before(t.until) {
		return
	}
	d.enqueue(n)
	d.beginNext()
}

// prolong keeps looking at a cgroup in which a handshake failed.
func (d *depth) prolong(l *look, n notice) {
	if !n.sure || l.until.IsZero() {
		return
	}
	l.failed, l.why, l.until = true, WhySuspect, d.now().Add(d.hold)
	if l.drained.IsZero() {
		return
	}
	l.drained = time.Time{}
	if err := d.lens.admit(n.cgroup); err != nil {
		d.log.Warn("cannot go on looking at a cgroup", "cgroup", l.view.path, "error", err)
	}
}

// enqueue puts a cgroup in line: suspects before those that are only new.
func (d *depth) enqueue(n notice) {
	for i := range d.queue {
		if d.queue[i].cgroup == n.cgroup {
			if n.why == WhySuspect {
				d.queue[i].why = WhySuspect
			}
			return
		}
	}
	if len(d.queue) >= maxQueued {
		d.missed.Add(1)
		return
	}
	d.queue = append(d.queue, n)
}

// beginNext looks at the next in line as long as there is room.
func (d *depth) beginNext() {
	for len(d.queue) > 0 && len(d.looks) < d.max {
		n := d.dequeue()
		switch err := d.begin(n); {
		case errors.Is(err, errGone):
		case err != nil:
			d.missed.Add(1)
			d.trusted[n.cgroup] = trust{until: d.now().Add(d.hold), wait: d.hold}
			d.log.Warn("cannot look at a cgroup in depth", "error", err)
		}
	}
}

func (d *depth) dequeue() notice {
	at := 0
	for i, n := range d.queue {
		if n.why == WhySuspect {
			at = i
			break
		}
	}
	n := d.queue[at]
	d.queue = append(d.queue[:at], d.queue[at+1:]...)
	return n
}

// begin looks at a cgroup.
func (d *depth) begin(n notice) error {
	v, err := d.lens.focus(n.cgroup)
	if err != nil {
		return err
	}
	l := &look{view: v, why: n.why, failed: n.sure}
	if n.why != WhyAsked {
		l.until = d.now().Add(d.hold)
	}
	d.looks[n.cgroup] = l
	d.log.Info("looking at a cgroup in depth", "cgroup", v.path, "why", n.why)
	return nil
}

// decide ends the looks whose time is over: first new connections are left alone, then, when those at hand had time to end, all.
func (d *depth) decide() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for id, l := range d.looks {
		switch {
		case l.until.IsZero() || now.Before(l.until):
		case l.drained.IsZero():
			l.drained = now.Add(min(drain, d.hold))
			if err := d.lens.avert(id); err != nil {
				d.log.Warn("cannot stop looking at a cgroup", "cgroup", l.view.path, "error", err)
			}
		case now.After(l.drained):
			d.end(id, l)
		}
	}
	d.beginNext()
}

// end lets go of a cgroup. One that was clean is trusted, and longer each time.
func (d *depth) end(id uint64, l *look) {
	delete(d.looks, id)
	forgotten, err := d.lens.release(l.view)
	if err != nil {
		d.log.Warn("cannot let go of a cgroup", "cgroup", l.view.path, "error", err)
	}
	wait := d.hold
	if t, ok := d.trusted[id]; ok && !l.failed {
		wait = min(2*t.wait, longestTry)
	}
	if len(d.trusted) >= maxTrusted {
		clear(d.trusted) // they have to earn it again
	}
	d.trusted[id] = trust{until: d.now().Add(wait), wait: wait}
	d.log.Info("let go of a cgroup", "cgroup", l.view.path, "failed", l.failed, "forgotten", forgotten)
}

// close lets go of all.
func (d *depth) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for id, l := range d.looks {
		errs = append(errs, d.lens.avert(id))
		_, err := d.lens.release(l.view)
		errs = append(errs, err)
	}
	clear(d.looks)
	d.queue = nil
	return errors.Join(append(errs, d.lens.close())...)
}

// count counts the looks by why.
func (d *depth) count() map[Why]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := map[Why]int{}
	for _, w := range Whys {
		n[w] = 0
	}
	for _, l := range d.looks {
		n[l.why]++
	}
	return n
}
