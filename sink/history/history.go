// Package history keeps the recent past: the last events, bounded by count and by bytes, and optionally on disk across restarts.
//
// Everything that reads it pulls: the writer of the disk and the readers of a stream remember how far they are, and ask for what
// comes after. So there is one bounded store and no queue per reader, a writer waits for nobody, and a reader who is too slow finds
// out by how many events.
package history

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// The defaults of [Options].
const (
	DefaultEvents = 10_000
	DefaultBytes  = 32 << 20
	defaultRetry  = time.Second
)

// Options bound a history. Zero values mean the defaults.
type Options struct {
	// Events and Bytes bound what is kept in memory, whichever is reached first. An event counts with the length of its JSON.
	Events int
	Bytes  int64
	// Dir is where events are kept across restarts, readable by their owner only. It is made if need be. Empty: in memory only.
	Dir string
	// DiskBytes bounds all files in Dir together. The default is twice Bytes.
	DiskBytes int64
	// Retry is how long a disk that refused a write is left alone. The default is a second.
	Retry time.Duration
	// Logger is told once when the disk refuses writes, and once when it takes them again. nil is told nothing.
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now
}

func (o Options) withDefaults() Options {
	if o.Events <= 0 {
		o.Events = DefaultEvents
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultBytes
	}
	if o.DiskBytes <= 0 {
		o.DiskBytes = 2 * o.Bytes
	}
	if o.Retry <= 0 {
		o.Retry = defaultRetry
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Entry is an event and its number. Both are read-only: everyone who asks gets the same.
type Entry struct {
	// Number grows with every event that is written, by one while the history is open, and across restarts: a new life starts at
	// the microseconds since 1970, or after the last number found on disk.
	Number uint64
	Event  event.Event
	size   int64
}

// History is the recent past. It is a [sink.Sink], for any number of goroutines.
type History struct {
	mu      sync.Mutex
	ring    ring
	first   uint64        // number of the first event of this life
	next    uint64        // number of the next event
	changed chan struct{} // closed by the next Write; nil if nobody waits
	closed  bool
	buf     []byte

	found found
	disk  *disk // nil: in memory only
}

var _ sink.Sink = (*History)(nil)

// Open makes a history, and fills it with what Dir holds. An error is about Dir: it cannot be made or listed. A file of it that cannot
// be read is counted and passed over.
func Open(o Options) (*History, error) {
	o = o.withDefaults()
	h := &History{ring: ring{maxEvents: o.Events, maxBytes: o.Bytes}}
	if o.Dir != "" {
		d, err := openDisk(h, o)
		if err != nil {
			return nil, fmt.Errorf("opening the history: %w", err)
		}
		h.disk = d
		h.restore()
	}
	h.first = max(h.ring.last()+1, uint64(max(o.Now().UnixMicro(), 1)))
	h.next = h.first
	if h.disk != nil {
		h.disk.begin(h.first - 1)
	}
	return h, nil
}

// Write keeps an event. It waits for no disk and no reader. The error is [sink.ErrClosed], or nil.
func (h *History) Write(e event.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return sink.ErrClosed
	}
	h.buf = sink.AppendJSON(h.buf[:0], &e)
	h.ring.push(&Entry{Number: h.next, Event: e, size: int64(len(h.buf))})
	h.next++
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	return nil
}

// Close writes to disk what is not there yet, for at most five seconds. What is in memory can still be read. The error says how many
// events did not get to the disk.
func (h *History) Close() error {
	h.mu.Lock()
	was := h.closed
	h.closed = true
	h.mu.Unlock()
	if was || h.disk == nil {
		return nil
	}
	return h.disk.close()
}

// Stats are a history's counters, since it was opened unless they say otherwise.
type Stats struct {
	Events  int    // kept in memory now
	Bytes   int64  // kept in memory now, as JSON
	Evicted uint64 // left memory to make room

	Restored   uint64 // read from disk when it was opened
	Torn       uint64 // last lines that a kill or a power loss had cut off, found when it was opened
	Unreadable uint64 // other lines and files that could not be read then

	DiskBytes   int64  // of all files now
	DiskFiles   int    // now
	DiskPending uint64 // events not on disk yet
	DiskLost    uint64 // events that left memory before the disk took them, or were too long for it
	DiskErrors  uint64 // refused writes
	DiskFailing bool   // the last write was refused
}

// Stats returns the counters.
func (h *History) Stats() Stats {
	h.mu.Lock()
	s := Stats{
		Events: h.ring.len(), Bytes: h.ring.bytes, Evicted: h.ring.evictions,
		Restored: h.found.restored, Torn: h.found.torn, Unreadable: h.found.unreadable,
	}
	last := h.next - 1
	h.mu.Unlock()
	if h.disk != nil {
		h.disk.stats(&s, last)
	}
	return s
}
