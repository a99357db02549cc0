package otlp

import (
	"log/slog"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/sink"
)

// reminder is how often it is said that the receiver is still away.
const reminder = time.Minute

// trouble tells when exports begin to fail, reminds of it at a bounded rate, and tells when they succeed again.
type trouble struct {
	log      *slog.Logger
	now      func() time.Time
	endpoint string

	mu    sync.Mutex
	since map[string]*failing // by what is exported; of few kinds
}

// failing is a kind of export that fails.
type failing struct {
	times uint64
	told  time.Time
}

// outcome takes note of an export.
func (t *trouble) outcome(what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.since[what]
	if err == nil {
		if f != nil {
			delete(t.since, what)
			t.log.Info("otlp: exports succeed again", "what", what, "endpoint", t.endpoint, "failed", f.times)
		}
		return
	}
	if f == nil {
		f = &failing{}
		if t.since == nil {
			t.since = map[string]*failing{}
		}
		t.since[what] = f
	}
	f.times++
	if now := t.now(); f.times == 1 || now.Sub(f.told) >= reminder || now.Before(f.told) {
		f.told = now
		t.log.Warn("otlp: exports fail", "what", what, "endpoint", t.endpoint, "failed", f.times, "error", sink.Escape(err.Error(), maxText))
	}
}
