package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// thenLogged is a source with one failure, of which the proxy's log tells after the agent has got it.
type thenLogged struct {
	e    *event.Event
	tell func()
}

func (s *thenLogged) Read(context.Context) (event.Event, error) {
	if s.e != nil {
		e := *s.e
		s.e = nil
		return e, nil
	}
	s.tell()
	s.tell = func() {}
	return event.Event{}, io.EOF
}

func (*thenLogged) Close() error { return nil }

func TestAgentFillsTheReasonInFromTheProxysLog(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	dir := t.TempDir()
	path := podLogPath(t, dir, "web-1")
	appendLog(t, path, healthyLine)
	e := closedEarly("web-1", 51712)
	w := newTestWorld(t)
	w.open = func(tracer.Options) (source, error) {
		return &thenLogged{e: &e, tell: func() { appendLog(t, path, accessLine("10.244.0.7:51712")) }}, nil
	}
	args := []string{"agent", "--kubernetes", "auto", "--listen", "127.0.0.1:0", "--node", "n1", "--proxy-logs", dir}
	if code := w.run(args); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	var got event.Event
	if err := json.Unmarshal(bytes.TrimSpace(w.out.Bytes()), &got); err != nil {
		t.Fatalf("%v: standard output is not one event:\n%s", err, w.out.String())
	}
	if got.Verdict.Reason != event.CertificateExpired || got.Library == nil || got.Library.Name != "BoringSSL" ||
		got.ObservedFrom != event.FromClient || got.ID != e.ID || got.Client.K8s.Pod != "web-1" {
		t.Errorf("told:\n%s", w.out.String())
	}
	if !strings.Contains(got.Verdict.Hint, "from the log of the proxy in shop/web-1") {
		t.Errorf("hint %q", got.Verdict.Hint)
	}
}

func TestAgentLeavesLogsAloneUnlessAskedTo(t *testing.T) {
	e := closedEarly("web-1", 51712)
	w := newTestWorld(t)
	w.traces(&fakeSource{events: []event.Event{e}, end: io.EOF})
	if code := w.runs("--node", "n1"); code != exitFine {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	if !strings.Contains(w.out.String(), string(unexplained)) {
		t.Errorf("told:\n%s", w.out.String())
	}
}

func TestAgentRefusesToLookForLogsOfPodsWithoutNames(t *testing.T) {
	w := newTestWorld(t)
	if code := w.runs("--proxy-logs", t.TempDir()); code != exitUsage || !strings.Contains(w.err.String(), "--kubernetes off gives none") {
		t.Errorf("exit code %d: %s", code, w.err.String())
	}
}
