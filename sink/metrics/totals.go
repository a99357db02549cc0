package metrics

import (
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// What is remembered of the kernel's counts, which it keeps for 4,096 of the last used.
const (
	maxReadings   = 16_384
	forgetReading = 10 * time.Minute
)

// totalKey is what the kernel counts by.
type totalKey struct {
	cgroup uint64
	role   event.Side
	port   uint16
}

// reading is what was last read of one.
type reading struct {
	Total
	namespace, workload string
	seen                time.Time
}

// totals turns the kernel's counts, which may begin again at zero, into what was added since they were last read.
type totals struct {
	name     func(cgroup uint64) (namespace, workload string)
	readings map[totalKey]*reading
}

func newTotals(name func(uint64) (string, string)) *totals {
	if name == nil {
		name = func(uint64) (string, string) { return "", "" }
	}
	return &totals{name: name, readings: map[totalKey]*reading{}}
}

// update reads the counts, and hands over what was added to each.
func (t *totals) update(now time.Time, all []Total, add func(r *reading, added Total)) {
	for i := range all {
		r := t.reading(&all[i])
		r.seen = now
		r.rename(all[i].Cgroup, t.name)
		if added := all[i].since(&r.Total); added.Succeeded > 0 || added.Ended > 0 {
			add(r, added)
		}
		r.Total = all[i]
	}
	t.forget(now)
}

func (t *totals) reading(total *Total) *reading {
	key := totalKey{total.Cgroup, total.Role, total.Port}
	r := t.readings[key]
	if r == nil {
		r = &reading{}
		t.readings[key] = r
	}
	return r
}

// rename asks for the name until there is one, and then keeps it: of a cgroup that is gone nobody can tell.
func (r *reading) rename(cgroup uint64, name func(uint64) (string, string)) {
	if r.namespace == "" && r.workload == "" {
		r.namespace, r.workload = name(cgroup)
	}
}

// forget drops what the kernel no longer has. Not at once: an entry that is missing once may have been passed over while the map
// changed, and would be counted anew.
func (t *totals) forget(now time.Time) {
	patience := forgetReading
	if len(t.readings) > maxReadings {
		patience = 0
	}
	for key, r := range t.readings {
		if now.Sub(r.seen) > patience {
			delete(t.readings, key)
		}
	}
}

// since is what was added after an earlier reading. Where a figure fell, the kernel had dropped the entry and begun again: all of it
// was added. An entry that was dropped and has outgrown its last reading cannot be told from one that was not; too little is counted
// then, never too much.
func (t *Total) since(before *Total) Total {
	added := *t
	if t.fellBelow(before) {
		return added
	}
	added.Succeeded -= before.Succeeded
	added.Ended -= before.Ended
	added.Latency.Sum -= before.Latency.Sum
	for i, n := range before.Latency.Buckets {
		added.Latency.Buckets[i] -= n
	}
	return added
}

func (t *Total) fellBelow(before *Total) bool {
	for i, n := range t.Latency.Buckets {
		if n < before.Latency.Buckets[i] {
			return true
		}
	}
	return t.Succeeded < before.Succeeded || t.Ended < before.Ended || t.Latency.Sum < before.Latency.Sum
}

// maxClimb bounds the figures of one source, which are a closed set of its own.
const maxClimb = 1000

// climb turns figures that grow, and may begin again at zero, into what was added since they were last read.
type climb[K comparable] map[K]uint64

func (c climb[K]) since(key K, value uint64) uint64 {
	before, known := c[key]
	if !known && len(c) >= maxClimb {
		return 0
	}
	c[key] = value
	if value < before {
		return value
	}
	return value - before
}
