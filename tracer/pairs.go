package tracer

import (
	"time"
)

// How long one end waits for the other. If the other is still in flight it will end, mostly at once; if it is not, its
// record is in the ring already, or it was not worth telling.
const (
	waitForInFlight = 2 * time.Second
	waitForRing     = 100 * time.Millisecond
)

// Bounds. What is beyond is told without its other half.
const (
	maxWaiting = 4096
	maxHellos  = 256
	maxTold    = 8192
)

// pairs joins the two ends of a connection when both are on this machine, so that one failure is one event.
type pairs struct {
	inFlight func(cookie uint64) *half // asks the kernel; nil if the handshake is over
	hellos   map[uint64]*half          // hellos whose handshake has not come yet
	waiting  map[uint64]*half          // ends that wait for their twin, by their own cookie
	queue    []deadline                // of waiting, in the order of arrival
	ready    []connection
	told     *recent
}

type deadline struct {
	cookie uint64
	at     time.Time
}

func newPairs(inFlight func(uint64) *half) *pairs {
	return &pairs{
		inFlight: inFlight, hellos: map[uint64]*half{}, waiting: map[uint64]*half{}, told: newRecent(maxTold),
	}
}

// addHello keeps a hello until its handshake comes, which the kernel sends right after.
func (p *pairs) addHello(kind bpfRingKind, raw []byte) error {
	cookie, message, err := readHello(raw)
	if err != nil {
		return err
	}
	h := p.hellos[cookie]
	if h == nil {
		if len(p.hellos) >= maxHellos {
			clear(p.hellos) // their handshakes were lost in a full ring, where they were counted
		}
		h = &half{}
		p.hellos[cookie] = h
	}
	if kind == bpfRingKindRING_CLIENT_HELLO {
		h.client = message
	} else {
		h.server = message
	}
	return nil
}

// add takes one end. An end whose twin was told alone, because it kept it waiting too long, has nothing new to tell.
func (p *pairs) add(h *half, now time.Time) {
	cookie, twin := h.handshake.Cookie, h.handshake.Twin
	if hello := p.hellos[cookie]; hello != nil {
		h.client, h.server = hello.client, hello.server
		delete(p.hellos, cookie)
	}
	if p.told.has(cookie) || twin != 0 && p.told.has(twin) {
		return
	}
	if twin == 0 {
		p.tell(connectionOf(h))
		return
	}
	if other := p.waiting[twin]; other != nil {
		delete(p.waiting, twin)
		p.tell(connectionOf(other).with(h))
		return
	}
	p.wait(h, now)
}

// awaits tells whether the other end is waiting for this one.
func (p *pairs) awaits(h *half) bool { return p.waiting[h.handshake.Twin] != nil }

func (p *pairs) wait(h *half, now time.Time) {
	if len(p.waiting) >= maxWaiting {
		p.tell(connectionOf(h))
		return
	}
	patience := waitForRing
	if p.inFlight(h.handshake.Twin) != nil {
		patience = waitForInFlight
	}
	p.waiting[h.handshake.Cookie] = h
	p.queue = append(p.queue, deadline{h.handshake.Cookie, now.Add(patience)})
}

func (p *pairs) tell(c connection) {
	for _, h := range c.ends() {
		p.told.add(h.handshake.Cookie)
	}
	p.ready = append(p.ready, c)
}

// next returns a connection that is ready to be told.
func (p *pairs) next() (connection, bool) {
	if len(p.ready) == 0 {
		return connection{}, false
	}
	c := p.ready[0]
	p.ready[0] = connection{}
	p.ready = p.ready[1:]
	return c, true
}

// due is the earliest moment at which an end has waited long enough.
func (p *pairs) due() (time.Time, bool) {
	var due time.Time
	for _, d := range p.queue {
		if due.IsZero() || d.at.Before(due) {
			due = d.at
		}
	}
	return due, !due.IsZero()
}

// expire tells the ends that have waited long enough: with what the kernel knows of the other end so far, or alone.
func (p *pairs) expire(now time.Time) {
	keep := p.queue[:0]
	for _, d := range p.queue {
		h := p.waiting[d.cookie]
		switch {
		case h == nil:
		case d.at.After(now):
			keep = append(keep, d)
		default:
			delete(p.waiting, d.cookie)
			p.tell(p.withTwin(h))
		}
	}
	p.queue = keep
}

// withTwin adds the other end as it is now, if it has not ended yet: it names the process, or at least the namespace, of a
// server that stalls.
func (p *pairs) withTwin(h *half) connection {
	c := connectionOf(h)
	twin := p.inFlight(h.handshake.Twin)
	if twin == nil || twin.handshake.isClient() == h.handshake.isClient() {
		return c
	}
	twin.handshake.EndNs = h.handshake.EndNs
	return c.with(twin)
}

// recent remembers the last so many cookies.
type recent struct {
	set  map[uint64]struct{}
	ring []uint64
	next int
}

func newRecent(n int) *recent {
	return &recent{set: make(map[uint64]struct{}, n), ring: make([]uint64, n)}
}

func (r *recent) has(cookie uint64) bool {
	_, ok := r.set[cookie]
	return ok
}

func (r *recent) add(cookie uint64) {
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = cookie
	r.set[cookie] = struct{}{}
	r.next = (r.next + 1) % len(r.ring)
}
