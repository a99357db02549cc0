package kube

import (
	"cmp"
	"net/netip"
	"sync"
	"time"
)

const (
	maxKnown  = 16384 // addresses of pods and nodes elsewhere
	maxAbsent = 8192  // addresses that are nobody's, as those on the internet

	freshAtFirst = 5 * time.Second // an answer is good for so long, doubled each time that it was found to be still so
	freshAtMost  = time.Minute
	staleAtMost  = 5 * time.Minute // and is still given for so long if there is no room for asking again
	staleAlone   = time.Hour       // or for so long while the API server does not answer
	nodeFresh    = 10 * time.Minute

	absentAtFirst = 10 * time.Second
	absentAtMost  = 10 * time.Minute
)

// address is what was found out about one address.
type address struct {
	holders []holding
	node    text      // whose address it is, if no pod's: zero for none
	asked   time.Time // when the API server said so
	fresh   time.Duration
}

// absence is an address that is nobody's in the cluster.
type absence struct {
	asked time.Time
	fresh time.Duration
}

// addresses remembers who has addresses that are not on this node.
type addresses struct {
	now func() time.Time

	mu      sync.RWMutex
	known   map[netip.Addr]*address
	absent  map[netip.Addr]absence
	evicted uint64
}

func newAddresses(now func() time.Time) *addresses {
	return &addresses{now: now, known: map[netip.Addr]*address{}, absent: map[netip.Addr]absence{}}
}

// state says what has to be done about an address.
type state int

const (
	missing state = iota // it has to be asked for
	aged                 // it is good enough, and should be asked for again if there is room
	settled              // it is known, or known to be nobody's
)

// at tells who had the address at a time: a pod, a node (its name), or nobody.
func (a *addresses) at(addr netip.Addr, at time.Time, alone bool) (p *pod, node string, s state) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	found, ok := a.known[addr]
	if gone, nobody := a.absent[addr]; nobody {
		if s = gone.state(a.now(), at); ok {
			p = holderAt(found.holders, at) // of an event before that
		}
		return p, "", s
	}
	if !ok {
		return nil, "", missing
	}
	if s = found.state(a.now(), at, alone); s == missing {
		return nil, "", s
	}
	if found.node != (text{}) {
		return nil, found.node.Value(), s
	}
	return holderAt(found.holders, at), "", s
}

// state says how good the entry is for an event of a time.
func (f *address) state(now, at time.Time, alone bool) state {
	age, limit := now.Sub(f.asked), staleAtMost
	if alone {
		limit = staleAlone
	}
	switch {
	case !at.After(f.asked), age <= f.fresh:
		return settled // the answer came after the event, or is new
	case age <= max(limit, f.fresh):
		return aged
	}
	return missing
}

// state says how good it is that an address is nobody's. It can become wrong at any time, but then a name is absent, not wrong: that it
// is asked for again can wait for as long as there is no room.
func (g absence) state(now, at time.Time) state {
	if age := now.Sub(g.asked); at.After(g.asked) && age > g.fresh {
		return aged
	}
	return settled
}

// current returns the pod that had the address when it was last asked for.
func (a *addresses) current(addr netip.Addr) *pod {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if found, ok := a.known[addr]; ok {
		for _, h := range found.holders {
			if h.to == 0 {
				return h.pod
			}
		}
	}
	return nil
}

// confirm notes that the same pod still has the address: it is likely to have it for longer.
func (a *addresses) confirm(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.known[addr]; ok {
		found.asked = a.now()
		found.fresh = min(max(2*found.fresh, freshAtFirst), freshAtMost)
	}
}

// keepPods notes all pods that have or had the address by what the API server knows now. A pod that it no longer knows had it
// until the last time that it did, and nobody can tell for how long after that.
func (a *addresses) keepPods(addr netip.Addr, pods []*pod) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.make(addr)
	for _, h := range found.holders {
		if !names(pods, h.pod.uid) {
			endHolding(found.holders, h.pod.uid, found.asked)
		}
	}
	for _, p := range pods {
		found.holders = keepHolding(found.holders, holding{pod: p, from: p.from, to: p.to})
	}
	found.node, found.asked, found.fresh = text{}, a.now(), freshAtFirst
}

func names(pods []*pod, uid string) bool {
	for _, p := range pods {
		if p.uid == uid {
			return true
		}
	}
	return false
}

// keepNode notes that the address is a node's.
func (a *addresses) keepNode(addr netip.Addr, node text) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.make(addr)
	found.holders, found.node, found.asked, found.fresh = nil, node, a.now(), nodeFresh
}

// keepAbsent notes that the address is nobody's; who had it before is still known.
func (a *addresses) keepAbsent(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.known[addr]; ok {
		if found.node != (text{}) {
			delete(a.known, addr)
		}
		for _, h := range found.holders {
			endHolding(found.holders, h.pod.uid, found.asked)
		}
	}
	for other := range a.absent {
		if len(a.absent) < maxAbsent {
			break
		}
		delete(a.absent, other)
		a.evicted++
	}
	before := a.absent[addr].fresh
	a.absent[addr] = absence{asked: a.now(), fresh: cmp.Or(min(2*before, absentAtMost), absentAtFirst)}
}

// make returns the entry of an address. There is room for it: of a few that are there, the one that was asked for longest ago goes.
func (a *addresses) make(addr netip.Addr) *address {
	delete(a.absent, addr)
	found, ok := a.known[addr]
	if ok {
		return found
	}
	if len(a.known) >= maxKnown {
		a.evict()
	}
	found = &address{}
	a.known[addr] = found
	return found
}

func (a *addresses) evict() {
	const looked = 8
	var oldest netip.Addr
	seen := 0
	for addr, found := range a.known {
		if seen == 0 || found.asked.Before(a.known[oldest].asked) {
			oldest = addr
		}
		if seen++; seen == looked {
			break
		}
	}
	delete(a.known, oldest)
	a.evicted++
}

func (a *addresses) hasRoom() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.known) < maxKnown
}

func (a *addresses) size() (known, absent int, evicted uint64) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.known), len(a.absent), a.evicted
}
