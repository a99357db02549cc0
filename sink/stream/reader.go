package stream

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
)

const (
	readerBatch = 256      // entries that are looked at at a time; a reader pins no more
	readerBytes = 32 << 10 // that are sent at a time
)

// reader sends events to one who reads.
type reader struct {
	hub     *Hub
	history *history.History
	filter  sink.Filter
	format  format
	ctx     context.Context // done when the reader is gone

	follow bool   // go on with what happens from now on
	end    uint64 // of the last event to send to one who does not follow
	next   uint64 // the events after this number are yet to be looked at
	gap    bool   // the reader resumes, and something is missing
	begun  bool   // what is missing from now on is missing because the reader is slow

	w         http.ResponseWriter
	out       *http.ResponseController // of w
	heartbeat *time.Timer              // runs since something was sent
	buf       []byte
	buffered  uint64 // events in buf
}

// resume goes on after what the reader has seen, in this life of the agent or an earlier one.
func (r *reader) resume(seen uint64) {
	r.filter.Since = time.Time{} // it said where to begin, the first time
	after, whole := r.history.Resume(seen)
	r.next, r.gap = after, !whole
}

// serve sends events until the reader or the hub ends it.
func (r *reader) serve(w http.ResponseWriter, form string) {
	r.w, r.out = w, http.NewResponseController(w)
	// A server's time limits are for short answers. To read nothing more is what a reader does.
	if err := errors.Join(r.out.SetReadDeadline(time.Time{}), r.out.SetWriteDeadline(time.Time{})); err != nil {
		refuse(w, http.StatusInternalServerError, "writes cannot be timed out here", "the agent has a middleware without Unwrap")
		return
	}
	head := w.Header()
	head.Set("Content-Type", form)
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Accel-Buffering", "no") // nginx would keep events back
	w.WriteHeader(http.StatusOK)
	if err := r.run(); errors.Is(err, os.ErrDeadlineExceeded) {
		r.hub.count(func(s *Stats) { s.Stuck++ })
	}
}

// run is the reader's life. An error is of a write.
func (r *reader) run() error {
	r.heartbeat = time.NewTimer(r.hub.options.Heartbeat)
	defer r.heartbeat.Stop()
	if err := r.greet(); err != nil {
		return err
	}
	for r.ctx.Err() == nil {
		changed := r.history.Changed()
		stopping := r.hub.isStopping()
		b := r.history.After(r.next, readerBatch)
		if b.Missed > 0 && r.begun {
			r.hub.count(func(s *Stats) { s.Slow++ })
			return r.last(NoticeSlow, "too slow: events that were not sent yet are no longer kept", b.Missed)
		}
		r.begun = true
		if err := r.send(b); err != nil {
			return err
		}
		switch {
		case !r.follow && (r.next >= r.end || len(b.Entries) == 0):
			return r.last(NoticeEnd, "everything that is kept was sent", 0)
		case len(b.Entries) > 0:
			continue
		case stopping:
			return r.last(NoticeStopping, "the agent is stopping", 0)
		}
		if err := r.wait(changed); err != nil {
			return err
		}
	}
	return nil
}

// greet sends the header, and says from where on events are sent.
func (r *reader) greet() error {
	r.buf = r.format.start(r.buf, r.next)
	if r.gap {
		missed := r.history.After(r.next, 0).Missed
		r.say(NoticeGap, "events are missing here: they are no longer kept, or the agent was not running", missed)
	}
	return r.flush()
}

// wait waits until there may be more to do, and shows meanwhile that the stream is alive.
func (r *reader) wait(changed <-chan struct{}) error {
	select {
	case <-changed:
	case <-r.hub.stopping:
	case <-r.ctx.Done():
	case <-r.heartbeat.C:
		r.buf = r.format.heartbeat(r.buf, r.next)
		return r.flush()
	}
	return nil
}

// send sends what the filter chooses of a batch.
func (r *reader) send(b history.Batch) error {
	for _, e := range b.Entries {
		if !r.follow && e.Number > r.end {
			break
		}
		if !r.filter.Match(e.Event) {
			continue
		}
		r.buf = r.format.entry(r.buf, e)
		r.buffered++
		if len(r.buf) >= readerBytes {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	r.next = b.Next
	if len(r.buf) == 0 {
		return nil
	}
	return r.flush()
}

// say adds a notice to what is sent next.
func (r *reader) say(kind NoticeKind, text string, missed uint64) {
	r.buf = r.format.notice(r.buf, notice(kind, text, missed))
}

// last is the last that a reader gets.
func (r *reader) last(kind NoticeKind, text string, missed uint64) error {
	r.say(kind, text, missed)
	return r.flush()
}

// flush sends what is buffered, now.
func (r *reader) flush() error {
	if err := r.out.SetWriteDeadline(time.Now().Add(r.hub.options.WriteTimeout)); err != nil {
		return err
	}
	if len(r.buf) > 0 {
		if _, err := r.w.Write(r.buf); err != nil {
			return err
		}
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	r.heartbeat.Reset(r.hub.options.Heartbeat)
	n := r.buffered
	r.buf, r.buffered = r.buf[:0], 0
	r.hub.count(func(s *Stats) { s.Events += n })
	return nil
}
