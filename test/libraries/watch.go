package libraries

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/verdict"
)

// eventTimeout bounds how long an event may take after its connection has ended.
const eventTimeout = 10 * time.Second

// silence is how long to wait for an event that need not come.
const silence = 1500 * time.Millisecond

// watch is a running tracer, and what it has reported so far, judged.
type watch struct {
	*tracer.Tracer
	mu     sync.Mutex
	events []event.Event
}

// startWatch opens a tracer that is closed when the test ends.
func startWatch(t testing.TB, o tracer.Options) *watch {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	tr, err := tracer.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{Tracer: tr}
	read := make(chan error)
	go func() { read <- w.read() }()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		if err := <-read; !errors.Is(err, tracer.ErrClosed) {
			t.Error(err)
		}
	})
	return w
}

// testWriter shows what the tracer warns of.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (w *watch) read() error {
	for {
		e, err := w.Read(context.Background())
		if err != nil {
			return err
		}
		e = verdict.Judge(e)
		w.mu.Lock()
		w.events = append(w.events, e)
		w.mu.Unlock()
	}
}

// all returns the events so far that match.
func (w *watch) all(match func(event.Event) bool) []event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []event.Event
	for _, e := range w.events {
		if match(e) {
			found = append(found, e)
		}
	}
	return found
}

// at returns the events so far whose server has this port.
func (w *watch) at(port int) []event.Event {
	return w.all(func(e event.Event) bool { return int(e.Server.Port) == port })
}

// await waits until the condition holds.
func await(limit time.Duration, holds func() bool) bool {
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// attached waits until probes are in a file.
func (w *watch) attached(t testing.TB, file string) tracer.Target {
	t.Helper()
	var found tracer.Target
	holds := func() bool {
		for _, l := range w.Libraries() {
			if l.Path == file && l.State == tracer.StateAttached {
				found = l
				return true
			}
		}
		return false
	}
	if !await(eventTimeout, holds) {
		t.Errorf("no probes in %s; the libraries found: %s", file, asJSON(w.Libraries()))
	}
	return found
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
