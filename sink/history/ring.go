package history

import (
	"slices"
	"sort"
)

// ring holds the newest entries, oldest first, by ascending number.
type ring struct {
	maxEvents int
	maxBytes  int64
	entries   []*Entry // those before head have left
	head      int
	bytes     int64
	evicted   uint64 // number of the last entry that left; 0 if none has
	evictions uint64
}

func (r *ring) live() []*Entry { return r.entries[r.head:] }
func (r *ring) len() int       { return len(r.entries) - r.head }

// last is the number of the newest entry, or of the last one that left.
func (r *ring) last() uint64 {
	if r.len() == 0 {
		return r.evicted
	}
	return r.entries[len(r.entries)-1].Number
}

// push adds the newest entry and lets the oldest go until the bounds hold.
func (r *ring) push(e *Entry) {
	r.entries = append(r.entries, e)
	r.bytes += e.size
	for r.len() > r.maxEvents || r.bytes > r.maxBytes {
		r.evict()
	}
}

func (r *ring) evict() {
	e := r.entries[r.head]
	r.entries[r.head] = nil // for the garbage collector
	r.head++
	r.bytes -= e.size
	r.evicted = e.Number
	r.evictions++
	if r.head > len(r.entries)/2 {
		// Moved once per as many evictions, so that each costs the same on average.
		n := copy(r.entries, r.live())
		clear(r.entries[n:])
		r.entries, r.head = r.entries[:n], 0
	}
}

// after returns at most limit entries with a number greater than n, as a copy.
func (r *ring) after(n uint64, limit int) []*Entry {
	live := r.live()
	i := sort.Search(len(live), func(i int) bool { return live[i].Number > n })
	return slices.Clone(live[i:min(len(live), i+limit)])
}

// holds says whether the entry of a number is still there.
func (r *ring) holds(n uint64) bool {
	if n == 0 {
		return false
	}
	next := r.after(n-1, 1)
	return len(next) == 1 && next[0].Number == n
}
