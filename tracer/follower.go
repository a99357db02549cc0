package tracer

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// Bounds and times of what is watched on the data path of single processes.
const (
	maxSuspects = 256  // waiting to be followed
	maxFollowed = 16   // at the same time
	maxRested   = 4096 // remembered
	maxHeard    = 1024
	heedEvery   = time.Second
	followFor   = 30 * time.Second // long enough to hear what the library says of the next failures
	firstRest   = time.Minute      // before the same process is followed again
	longestRest = time.Hour
)

// follower watches what a process asks its TLS library on the data path, too, once a handshake of that process has failed. It does so for a
// short time and then leaves the process alone, longer each time: a proxy that faces the internet sees failures all day. heed is for the
// goroutine that reads the ring, count for any; the rest is done by that of [targets].
type follower struct {
	attach   func(procID) ([]link.Link, error)
	now      func() time.Time
	log      *slog.Logger
	suspects chan int
	heard    map[int]time.Time // when a process was last heeded
	known    map[procID]*followed
	watching atomic.Int64  // of those that are known
	missed   atomic.Uint64 // processes that there was no room to follow
}

// followed is a process that is watched, or was.
type followed struct {
	links []link.Link // none while it is left alone
	until time.Time   // watched, or left alone
	rest  time.Duration
}

func newFollower(attach func(procID) ([]link.Link, error), now func() time.Time, log *slog.Logger) *follower {
	return &follower{
		attach: attach, now: now, log: log, suspects: make(chan int, maxSuspects), heard: map[int]time.Time{}, known: map[procID]*followed{},
	}
}

// heed asks to follow a process, once a second at most: in a flood it is the same all the time. It never blocks.
func (f *follower) heed(pid int) {
	now := f.now()
	if now.Sub(f.heard[pid]) < heedEvery {
		return
	}
	if len(f.heard) >= maxHeard {
		clear(f.heard)
	}
	f.heard[pid] = now
	select {
	case f.suspects <- pid:
	default:
		f.missed.Add(1)
	}
}

// follow watches a process from now on, unless it is watched or left alone.
func (f *follower) follow(id procID) {
	p, now := f.known[id], f.now()
	switch {
	case p != nil && (len(p.links) > 0 || now.Before(p.until)):
		return
	case f.watching.Load() >= maxFollowed, p == nil && len(f.known) >= maxRested:
		f.missed.Add(1)
		return
	case p == nil:
		p = &followed{}
		f.known[id] = p
	}
	links, err := f.attach(id)
	if err != nil {
		f.log.Warn("cannot watch what a process asks its TLS library", "pid", id.pid, "error", err)
	}
	p.rest = min(max(2*p.rest, firstRest), longestRest)
	p.until = now.Add(p.rest)
	if len(links) > 0 {
		p.links, p.until = links, now.Add(followFor)
		f.watching.Add(1)
		f.log.Info("watching what a process asks its TLS library", "pid", id.pid, "why", WhySuspect, "for", followFor.String())
	}
}

// settle leaves those alone that were watched long enough, and forgets those that have long been left alone.
func (f *follower) settle() {
	now := f.now()
	for id, p := range f.known {
		switch {
		case now.Before(p.until):
		case len(p.links) > 0:
			f.leave(id, p)
			p.until = now.Add(p.rest)
		case now.Sub(p.until) > longestRest:
			delete(f.known, id)
		}
	}
}

func (f *follower) leave(id procID, p *followed) {
	if err := closeAll(p.links); err != nil {
		f.log.Warn("cannot stop watching what a process asks its TLS library", "pid", id.pid, "error", err)
	}
	p.links = nil
	f.watching.Add(-1)
}

// release stops watching all.
func (f *follower) release() {
	for id, p := range f.known {
		if len(p.links) > 0 {
			f.leave(id, p)
		}
	}
	clear(f.known)
}

// count is how many processes are watched.
func (f *follower) count() int { return int(f.watching.Load()) }

// deepLinks puts the probes that run on the data path into the libraries of one process.
func (t *targets) deepLinks(id procID) ([]link.Link, error) {
	var links []link.Link
	var errs []error
	for _, f := range t.users[id] {
		if f.handle == nil {
			continue
		}
		for _, l := range f.libraries {
			for probe, points := range pointsOf(l, func(_ library.Point, u uprobe) bool { return u.deep }) {
				more, err := t.prober.attach(f.reach(), probe, points, l, id.pid)
				links, errs = append(links, more...), append(errs, err)
			}
		}
	}
	return links, errors.Join(errs...)
}
