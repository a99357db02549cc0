package fleet

import (
	"encoding/hex"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Bounds. What is beyond is told without its other half; a duplicate that is older than what is remembered is told again.
const (
	maxWaiting = 4096
	maxTold    = 16384
)

// connectionID is both initial sequence numbers of a connection, 64 bits that its ends chose by chance. They are the same on both nodes
// whatever NAT did to addresses and ports in between. A proxy that ends connections makes two, and a device that rewrites sequence numbers
// hides that they are one: these are never joined.
type connectionID [8]byte

// idOf reads the id of an event; false if it names no connection that two nodes could have seen.
func idOf(e *event.Event) (connectionID, bool) {
	var id connectionID
	raw, err := hex.DecodeString(e.ID)
	if err != nil || len(raw) != len(id)+2 { // and the client's port, which NAT may change
		return id, false
	}
	copy(id[:], raw)
	client, server := [4]byte(id[:4]), [4]byte(id[4:])
	return id, client != [4]byte{} && server != [4]byte{}
}

// half is what one node told of a connection.
type half struct {
	event.Event
	node string
	due  time.Time // when it has waited long enough
}

// joiner makes one event of what two nodes tell of one connection.
type joiner struct {
	patience time.Duration
	alone    func(e *event.Event, node string) bool // no other node can tell of it
	waiting  map[connectionID]half
	queue    []connectionID // of waiting, in the order of arrival; may hold ids that have gone
	ready    []event.Event
	seen     *recent[seenKey] // what each node has told
	told     *recent[toldKey] // what was handed on of one end
	stats    Stats
}

type seenKey struct {
	node, id string
	from     event.Vantage
	at       int64
}

type toldKey struct {
	id   connectionID
	from event.Vantage
}

// Stats count what became of the events that came.
type Stats struct {
	Came      uint64
	Joined    uint64 // events that were made of two
	Duplicate uint64 // told by the same agent before
	Late      uint64 // the other half had been told already
}

func newJoiner(patience time.Duration, alone func(*event.Event, string) bool) *joiner {
	return &joiner{
		patience: patience, alone: alone, waiting: map[connectionID]half{},
		seen: newRecent[seenKey](maxTold), told: newRecent[toldKey](maxTold),
	}
}

// add takes an event of a node.
func (j *joiner) add(e event.Event, node string, now time.Time) {
	j.stats.Came++
	key := seenKey{node, e.ID, e.ObservedFrom, e.Time.UnixNano()}
	if j.seen.has(key) {
		j.stats.Duplicate++
		return
	}
	j.seen.add(key)
	id, ok := idOf(&e)
	if !ok || opposite(e.ObservedFrom) == "" {
		j.ready = append(j.ready, e)
		return
	}
	other, waits := j.waiting[id]
	switch {
	case waits && other.node != node && joinable(&other.Event, &e):
		delete(j.waiting, id)
		j.tell(id, merge(other.Event, e))
		j.stats.Joined++
	case !waits && e.Repeated == 0 && j.told.has(toldKey{id, opposite(e.ObservedFrom)}):
		j.stats.Late++
	case waits || len(j.waiting) >= maxWaiting || j.alone(&e, node):
		j.tell(id, e)
	default:
		j.waiting[id] = half{e, node, now.Add(j.patience)}
		j.queue = append(j.queue, id)
	}
}

// opposite is where the other half is seen from; "" if there is none.
func opposite(v event.Vantage) event.Vantage {
	switch v {
	case event.FromClient:
		return event.FromServer
	case event.FromServer:
		return event.FromClient
	}
	return ""
}

// joinable says whether two events of one connection are its two ends, and agree on what it came to.
func joinable(a, b *event.Event) bool {
	return opposite(a.ObservedFrom) == b.ObservedFrom && a.Outcome == b.Outcome
}

func (j *joiner) tell(id connectionID, e event.Event) {
	j.told.add(toldKey{id, e.ObservedFrom})
	if e.ObservedFrom == event.FromBoth {
		j.told.add(toldKey{id, event.FromClient})
		j.told.add(toldKey{id, event.FromServer})
	}
	j.ready = append(j.ready, e)
}

// next returns an event that is ready to be told.
func (j *joiner) next() (event.Event, bool) {
	if len(j.ready) == 0 {
		return event.Event{}, false
	}
	e := j.ready[0]
	j.ready[0] = event.Event{}
	j.ready = j.ready[1:]
	return e, true
}

// due is the earliest moment at which a half has waited long enough; false if none waits.
func (j *joiner) due() (time.Time, bool) {
	for len(j.queue) > 0 {
		if h, ok := j.waiting[j.queue[0]]; ok {
			return h.due, true
		}
		j.queue = j.queue[1:]
	}
	return time.Time{}, false
}

// expire tells the halves that have waited long enough, alone.
func (j *joiner) expire(now time.Time) {
	for {
		due, ok := j.due()
		if !ok || due.After(now) {
			return
		}
		id := j.queue[0]
		h := j.waiting[id]
		delete(j.waiting, id)
		j.tell(id, h.Event)
	}
}

// flush tells all that wait: nobody will add to them.
func (j *joiner) flush() { j.expire(time.Unix(1<<40, 0)) }

// recent remembers the last so many keys.
type recent[K comparable] struct {
	set  map[K]struct{}
	ring []K
	next int
	size int
}

func newRecent[K comparable](size int) *recent[K] {
	return &recent[K]{set: map[K]struct{}{}, size: size}
}

func (r *recent[K]) has(key K) bool {
	_, ok := r.set[key]
	return ok
}

func (r *recent[K]) add(key K) {
	if r.has(key) {
		return
	}
	r.set[key] = struct{}{}
	if len(r.ring) < r.size {
		r.ring = append(r.ring, key)
		return
	}
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = key
	r.next = (r.next + 1) % r.size
}
