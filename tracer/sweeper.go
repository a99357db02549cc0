package tracer

import (
	"bytes"
	"time"

	"github.com/cilium/ebpf"
)

// When an entry that nothing has ended is ended here, by how long nothing has happened to it.
const (
	sweepEvery      = time.Second
	staleAbort      = time.Second       // a reset was about to leave, and did not
	staleHalfClosed = 10 * time.Second  // one side closed, the other never does
	staleHandshake  = 120 * time.Second // nobody closes
	staleSilent     = 60 * time.Second  // connected, and nothing was said: a pool's spare connection
)

// sweeper ends entries in the kernel's map that nothing will end, so that it cannot fill up with them.
type sweeper struct {
	inflight, hellos *ebpf.Map
	last             time.Time
}

func (s *sweeper) due() time.Time {
	if s.last.IsZero() {
		s.last = time.Now()
	}
	return s.last.Add(sweepEvery)
}

// sweep returns the entries that are to be told.
func (s *sweeper) sweep(now time.Time, monotonic uint64) []*half {
	if now.Before(s.due()) {
		return nil
	}
	s.last = now
	var stale []*half
	var cookie uint64
	h := &half{}
	entries := s.inflight.Iterate()
	for entries.Next(&cookie, &h.handshake) {
		if !isStale(&h.handshake, monotonic) {
			continue
		}
		stale = append(stale, h)
		h = &half{}
	}
	return s.end(stale, monotonic)
}

// end takes entries out of the kernel. Whoever deletes an entry tells it: one that is gone was ended by the kernel.
func (s *sweeper) end(stale []*half, monotonic uint64) []*half {
	told := stale[:0]
	for _, h := range stale {
		cookie := h.handshake.Cookie
		var kept bpfHello
		if s.hellos.Lookup(cookie, &kept) == nil {
			h.client = bytes.Clone(kept.Client.Bytes[:min(int(kept.Client.Length), len(kept.Client.Bytes))])
			h.server = bytes.Clone(kept.Server.Bytes[:min(int(kept.Server.Length), len(kept.Server.Bytes))])
		}
		_ = s.hellos.Delete(cookie)
		if s.inflight.Delete(cookie) != nil || !spokeTLS(&h.handshake) {
			continue
		}
		h.handshake.Ending = uint32(bpfEndingEND_CLOSED)
		h.handshake.EndNs = monotonic
		told = append(told, h)
	}
	return told
}

func isStale(h *bpfHandshake, monotonic uint64) bool {
	age := func(since uint64) time.Duration { return time.Duration(int64(monotonic - since)) }
	switch {
	case !h.has(bpfHandshakeFlagHS_ESTABLISHED): // connecting: the kernel's own limit is about two minutes
		return age(h.StartNs) > 10*time.Minute
	case h.has(bpfHandshakeFlagHS_ABORTING):
		return age(h.CloseNs) > staleAbort
	case h.CloseNs != 0:
		return age(h.CloseNs) > staleHalfClosed
	case spokeTLS(h):
		return age(lastActivity(h)) > staleHandshake
	}
	return age(lastActivity(h)) > staleSilent
}

func spokeTLS(h *bpfHandshake) bool {
	for i := range h.Stream {
		if bpfStreamState(h.Stream[i].State) != bpfStreamStateSTREAM_OPENING {
			return true
		}
	}
	return false
}

func lastActivity(h *bpfHandshake) uint64 {
	return h.StartNs + 1000*uint64(max(h.Stream[0].LastUs, h.Stream[1].LastUs))
}
