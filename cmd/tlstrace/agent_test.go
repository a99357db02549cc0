package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// runs starts the agent in this process, on a port that nobody has.
func (w *testWorld) runs(args ...string) int {
	return w.run(append([]string{"agent", "--kubernetes", "off", "--listen", "127.0.0.1:0"}, args...))
}

func TestAgentTellsFailuresOnStandardOutputAndItselfOnStandardError(t *testing.T) {
	w := newTestWorld(t)
	src := &fakeSource{events: []event.Event{refused("aa"), {ID: "bb", Outcome: event.Succeeded}, refused("cc")}, end: io.EOF}
	options := w.traces(src)
	if code := w.runs("--node", "n1", "--fold", "0"); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	lines := strings.Split(strings.TrimSpace(w.out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(w.out.String(), `"node":"n1","id":"aa"`) || !strings.Contains(w.out.String(), `"connection_refused"`) {
		t.Errorf("standard output:\n%s", w.out.String())
	}
	for _, line := range strings.Split(strings.TrimSpace(w.err.String()), "\n") {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("standard error holds %q", line)
		}
	}
	if !strings.Contains(w.err.String(), `"msg":"stopped","read":3`) {
		t.Errorf("the account is missing:\n%s", w.err.String())
	}
	if !src.closed || options.Successes || options.Noise || options.GetError {
		t.Errorf("closed %v, asked for %+v", src.closed, *options)
	}
}

func TestAgentFoldsRepeatsAndTellsThemAtTheEnd(t *testing.T) {
	w := newTestWorld(t)
	src := &fakeSource{end: io.EOF}
	const failures = 500
	for i := range failures {
		src.events = append(src.events, refused(fmt.Sprint(i)))
	}
	w.traces(src)
	if code := w.runs("--fold", "1m"); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	if !strings.Contains(w.out.String(), fmt.Sprintf(`"repeated":%d`, failures-2)) || strings.Count(w.out.String(), "\n") != 2 {
		t.Errorf("standard output:\n%s", w.out.String())
	}
}

func TestAgentGoesOnWithoutItsStandardOutputOnlyToSaySo(t *testing.T) {
	w := newTestWorld(t)
	w.stdout = writerFunc(func([]byte) (int, error) { return 0, fmt.Errorf("write: %w", syscall.EPIPE) })
	w.traces(&fakeSource{events: []event.Event{refused("aa")}})
	if code := w.runs(); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	if !strings.Contains(w.err.String(), errOutputGone.Error()) {
		t.Errorf("standard error: %s", w.err.String())
	}
}

func TestAgentEndsInTimeThoughItsLogStalls(t *testing.T) {
	w := newTestWorld(t)
	_, stalled := io.Pipe()
	w.stdout = stalled
	w.traces(&fakeSource{events: []event.Event{refused("aa")}, end: io.EOF})
	if code := w.runs("--shutdown-timeout", "100ms"); code != exitFine {
		t.Errorf("exit code %d: %s", code, w.err.String())
	}
	if !strings.Contains(w.err.String(), "written") {
		t.Errorf("that a line was not written is not told: %s", w.err.String())
	}
}

func TestAgentSaysWhatToDoWhereNothingCanBeTraced(t *testing.T) {
	w := newTestWorld(t)
	w.open = func(tracer.Options) (source, error) { return nil, fmt.Errorf("open: %w", tracer.ErrPermission) }
	w.probe = func(tracer.Options) tracer.Report { return tracer.Report{Missing: []string{"CAP_BPF"}} }
	if code := w.runs(); code != exitNoTrace {
		t.Errorf("exit code %d, want %d", code, exitNoTrace)
	}
	if !strings.Contains(w.err.String(), "tracing needs CAP_BPF") {
		t.Errorf("standard error: %s", w.err.String())
	}
}

func TestLeftoversAreReadUntilNothingComes(t *testing.T) {
	src := &fakeSource{events: []event.Event{{ID: "a"}, {ID: "b"}}} // then it waits
	rest := &leftovers{source: src, until: time.Now().Add(time.Hour)}
	for _, want := range []string{"a", "b"} {
		if e, err := rest.Read(context.Background()); err != nil || e.ID != want {
			t.Fatalf("got %q, %v, want %q", e.ID, err, want)
		}
	}
	if _, err := rest.Read(context.Background()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestLeftoversEndWhereEventsGoOn(t *testing.T) {
	rest := &leftovers{source: endless{}, until: time.Now().Add(50 * time.Millisecond)}
	for n := 0; ; n++ {
		if _, err := rest.Read(context.Background()); errors.Is(err, io.EOF) {
			return
		}
		if n > 10_000 {
			t.Fatal("there is no end")
		}
	}
}

// endless has an event every millisecond, as long as it may wait for one.
type endless struct{}

func (endless) Read(ctx context.Context) (event.Event, error) {
	select {
	case <-ctx.Done():
		return event.Event{}, ctx.Err()
	case <-time.After(time.Millisecond):
		return event.Event{ID: "a"}, nil
	}
}

func (endless) Close() error { return nil }
