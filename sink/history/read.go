package history

import (
	"iter"
	"slices"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Since iterates over the events at or after t, in the order of their times, as they are when the iteration begins. It blocks no
// writer. The zero time asks for all.
func (h *History) Since(t time.Time) iter.Seq[event.Event] {
	return func(yield func(event.Event) bool) {
		h.mu.Lock()
		entries := slices.Clone(h.ring.live())
		h.mu.Unlock()
		entries = slices.DeleteFunc(entries, func(e *Entry) bool { return e.Event.Time.Before(t) })
		slices.SortStableFunc(entries, func(a, b *Entry) int { return a.Event.Time.Compare(b.Event.Time) })
		for _, e := range entries {
			if !yield(e.Event) {
				return
			}
		}
	}
}

// Batch is an answer of [History.After].
type Batch struct {
	Entries []*Entry // in the order in which they were written
	// Missed is how many entries have left memory that should have come before these: the reader is too slow. If they are of an
	// earlier life it is the least it can be.
	Missed uint64
	// Next is what to ask after the next time.
	Next uint64
}

// After returns at most limit entries with numbers greater than n. With none, [History.Changed] says when to ask again.
func (h *History) After(n uint64, limit int) Batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := Batch{Entries: h.ring.after(n, limit), Missed: h.missed(n)}
	b.Next = max(n, h.ring.evicted)
	if len(b.Entries) > 0 {
		b.Next = b.Entries[len(b.Entries)-1].Number
	}
	return b
}

// missed counts the entries after n that have left. Numbers have no holes within a life, and one of unknown size before it.
func (h *History) missed(n uint64) uint64 {
	switch gone := h.ring.evicted; {
	case n >= gone:
		return 0
	case n+1 >= h.first:
		return gone - n
	case gone >= h.first:
		return gone - h.first + 1
	}
	return 1
}

// Changed returns a channel that is closed when the next event is written. Ask for it before [History.After], so that no event falls
// between the two.
func (h *History) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

// Last is the number of the newest event; what comes after it is yet to be written.
func (h *History) Last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next - 1
}

// Resume returns the number after which to go on for a reader that has seen everything up to n, in this life or an earlier one, and
// whether nothing is missing from there. A number that this history cannot have given out goes on with this life's first event.
func (h *History) Resume(n uint64) (after uint64, whole bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case n >= h.next:
		return h.first - 1, false
	case n+1 >= h.first:
		return n, n >= h.ring.evicted
	}
	return n, h.ring.holds(n)
}

// Before returns a number after which every event at or after t is. The zero time asks for all that are kept.
func (h *History) Before(t time.Time) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.ring.live() {
		if !e.Event.Time.Before(t) {
			return e.Number - 1
		}
	}
	return h.next - 1
}
