// Package stream lets others follow an agent's events over HTTP: what the history keeps, then what happens from now on, as JSON lines
// or as server-sent events, chosen by the same filters as those of `tlstrace watch`. It holds both ends: [Hub] serves, [Client] reads,
// reconnects, and goes on where it was.
//
// The hub has no queues. Its readers pull from the history, so that there is one bounded store, history and live events join without a
// gap or a duplicate, and nobody who reads can slow down what writes.
package stream

import (
	"net/http"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/sink/history"
)

// The defaults of [Options].
const (
	DefaultReaders   = 32
	DefaultHeartbeat = 15 * time.Second
	defaultWriteTime = 10 * time.Second
)

// Options bound a hub. Zero values mean the defaults.
type Options struct {
	Readers   int           // at a time; more are refused
	Heartbeat time.Duration // how often a stream without events shows that it is alive
	// WriteTimeout is how long a reader may take nothing at all before it is dropped.
	WriteTimeout time.Duration
	Now          func() time.Time // for since=10m; nil: time.Now
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = DefaultHeartbeat
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = defaultWriteTime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Hub serves the events of a history to a bounded number of readers. It is no sink: what is written to the history is what it serves.
type Hub struct {
	options  Options
	stopping chan struct{} // closed by Close
	stop     sync.Once

	mu    sync.Mutex
	stats Stats
}

// Stats are a hub's counters.
type Stats struct {
	Readers int    // reading now
	Opened  uint64 // readers that were let in
	Refused uint64 // readers that were not, because there were too many
	Slow    uint64 // readers that were dropped because they fell behind what the history keeps
	Stuck   uint64 // readers that were dropped because they took nothing for the write timeout
	Events  uint64 // sent, over all readers
}

// NewHub makes a hub.
func NewHub(o Options) *Hub {
	return &Hub{options: o.withDefaults(), stopping: make(chan struct{})}
}

// Handler serves the events of a history: GET, and a query as [ParseFilter] takes it. It does not ask who is there: put what does in
// front of it. A middleware between it and the server must keep [http.ResponseController] working (with Unwrap).
func (h *Hub) Handler(events *history.History) http.Handler {
	return &handler{hub: h, history: events}
}

// Close lets every reader have what is in the history, tells it that the agent stops, and ends it. It does not wait for them:
// [http.Server.Shutdown] does. Later readers are refused. Close the history's writers first.
func (h *Hub) Close() error {
	h.stop.Do(func() { close(h.stopping) })
	return nil
}

// Stats returns the counters.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats
}

// enter lets a reader in, unless there are too many.
func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stats.Readers >= h.options.Readers {
		h.stats.Refused++
		return false
	}
	h.stats.Readers++
	h.stats.Opened++
	return true
}

func (h *Hub) count(add func(*Stats)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	add(&h.stats)
}

func (h *Hub) isStopping() bool {
	select {
	case <-h.stopping:
		return true
	default:
		return false
	}
}
