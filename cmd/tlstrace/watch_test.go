package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// refused is a connection that nobody accepted.
func refused(id string) event.Event {
	return event.Event{
		Schema: event.Schema, ID: id, Time: time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC),
		ObservedFrom: event.FromClient,
		TCP:          event.TCP{Error: "ECONNREFUSED", How: event.CloseRefused, ClosedBy: event.Server},
	}
}

// traces makes the world's tracer hand out these events.
func (w *testWorld) traces(src *fakeSource) *tracer.Options {
	var got tracer.Options
	w.open = func(o tracer.Options) (source, error) {
		got = o
		return src, nil
	}
	return &got
}

func TestWatchKeepsStandardOutputPure(t *testing.T) {
	w := newTestWorld(t)
	src := &fakeSource{events: []event.Event{refused("aa"), refused("bb")}, end: tracer.ErrClosed}
	w.traces(src)
	if code := w.run([]string{"watch", "-o", "json"}); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	lines := strings.Split(strings.TrimSpace(w.out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"id":"aa"`) || !strings.Contains(lines[1], `"connection_refused"`) {
		t.Errorf("standard output:\n%s", w.out.String())
	}
	if !strings.Contains(w.err.String(), "tracing every TLS handshake") || !strings.Contains(w.err.String(), "2") {
		t.Errorf("banner and summary are missing on standard error:\n%s", w.err.String())
	}
	if !src.closed {
		t.Error("the tracer was not closed")
	}
}

func TestWatchCounts(t *testing.T) {
	w := newTestWorld(t)
	w.traces(&fakeSource{events: []event.Event{refused("aa"), refused("bb"), refused("cc")}})
	if code := w.run([]string{"watch", "-o", "json", "--count", "2"}); code != exitFine {
		t.Fatalf("exit code %d", code)
	}
	if got := strings.Count(w.out.String(), "\n"); got != 2 {
		t.Errorf("%d events were shown, want 2", got)
	}
}

func TestWatchEndsAfterItsDuration(t *testing.T) {
	w := newTestWorld(t)
	w.traces(&fakeSource{})
	if code := w.run([]string{"watch", "--duration", "10ms"}); code != exitFine {
		t.Errorf("exit code %d: %s", code, w.err.String())
	}
}

func TestWatchShowsOnlyFailuresUnlessAskedForAll(t *testing.T) {
	ok := event.Event{Schema: event.Schema, ID: "dd", Outcome: event.Succeeded}
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprint(all), func(t *testing.T) {
			w := newTestWorld(t)
			options := w.traces(&fakeSource{events: []event.Event{ok, refused("aa")}, end: tracer.ErrClosed})
			w.run([]string{"watch", "-o", "json", fmt.Sprintf("--all=%v", all)})
			if got := strings.Contains(w.out.String(), `"id":"dd"`); got != all {
				t.Errorf("the success was shown: %v", got)
			}
			if options.Successes != all || options.Noise != all {
				t.Errorf("the tracer was asked for %+v", *options)
			}
		})
	}
}

func TestWatchWritesAndRemovesItsReadyFile(t *testing.T) {
	w := newTestWorld(t)
	path := filepath.Join(t.TempDir(), "ready")
	var during []byte
	w.open = func(tracer.Options) (source, error) {
		return sourceFunc(func() (event.Event, error) {
			during, _ = os.ReadFile(path)
			return event.Event{}, tracer.ErrClosed
		}), nil
	}
	w.run([]string{"watch", "--ready-file", path})
	if string(during) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("while it ran the file held %q, want the process number", during)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("afterwards: %v, want %v", err, os.ErrNotExist)
	}
}

func TestWatchSaysWhatWasLost(t *testing.T) {
	w := newTestWorld(t)
	w.traces(&fakeSource{end: tracer.ErrClosed, stats: tracer.Stats{Lost: map[string]uint64{"ring_full": 7, "decode": 0}}})
	w.run([]string{"watch"})
	if !strings.Contains(w.out.String(), "7 ring_full\n") || strings.Contains(w.out.String(), "decode") {
		t.Errorf("the summary:\n%s", w.out.String())
	}
}

func TestWatchEndsQuietlyWhenNobodyReads(t *testing.T) {
	w := newTestWorld(t)
	src := &fakeSource{events: []event.Event{refused("aa")}}
	w.traces(src)
	w.stdout = writerFunc(func([]byte) (int, error) { return 0, syscall.EPIPE })
	if code := w.run([]string{"watch", "-o", "json"}); code != exitFine {
		t.Errorf("exit code %d, want %d", code, exitFine)
	}
	if strings.Contains(w.err.String(), "pipe") || !src.closed {
		t.Errorf("closed: %v; standard error:\n%s", src.closed, w.err.String())
	}
}

func TestWatchSaysWhatToDoWithoutPermission(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		missing []string
		euid    int
		want    []string
	}{
		{"a user", tracer.ErrPermission, []string{"CAP_BPF", "CAP_NET_ADMIN"}, 1000, []string{"CAP_BPF, CAP_NET_ADMIN", "sudo tlstrace watch --all"}},
		{"root in a container", tracer.ErrNotSupported, []string{"CAP_BPF"}, 0, []string{"CAP_BPF", "--cap-add"}},
		{"lockdown", tracer.ErrNotSupported, nil, 0, []string{"kernel does not support", "tlstrace doctor"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestWorld(t)
			w.euid = tt.euid
			w.open = func(tracer.Options) (source, error) { return nil, fmt.Errorf("open: %w", tt.err) }
			w.probe = func(tracer.Options) tracer.Report { return tracer.Report{Missing: tt.missing} }
			if code := w.run([]string{"watch", "--all"}); code != exitNoTrace {
				t.Errorf("exit code %d, want %d", code, exitNoTrace)
			}
			for _, want := range tt.want {
				if !strings.Contains(w.err.String(), want) {
					t.Errorf("%q is missing in %q", want, w.err.String())
				}
			}
		})
	}
}

func TestExplainDrawsWhatWatchSawLast(t *testing.T) {
	w := newTestWorld(t)
	w.traces(&fakeSource{events: []event.Event{refused("aa"), refused("bb")}, end: io.EOF})
	w.run([]string{"watch"})
	w.out.Reset()
	if code := w.run([]string{"explain", "-o", "json"}); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	if !strings.Contains(w.out.String(), `"id":"bb"`) {
		t.Errorf("got %s, want the last failure", w.out.String())
	}
	w.out.Reset()
	w.run([]string{"explain", "-o", "json", "a"})
	if !strings.Contains(w.out.String(), `"id":"aa"`) {
		t.Errorf("got %s, want the failure whose ID begins with a", w.out.String())
	}
}

type sourceFunc func() (event.Event, error)

func (f sourceFunc) Read(context.Context) (event.Event, error) { return f() }
func (f sourceFunc) Close() error                              { return nil }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
