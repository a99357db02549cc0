package agent_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// failed are the events that the tests count.
func failed(e event.Event) bool { return e.Outcome == event.Failed }

func everything(event.Event) bool { return true }

// peers are a server and a client on loopback whose handshakes fail, at most 500 a second.
func (n *node) peers(t testing.TB) (client *peer) {
	t.Helper()
	server := startPeer(t, n.cgroup("server"), "", "refuse", "127.0.0.1:0")
	return startPeer(t, n.cgroup("client"), "", "hello", server.address, "500", "127.0.0.1")
}

func TestHostAgentTellsCountsAndKeepsFailures(t *testing.T) {
	n := newNode(t)
	a := startAgent(t, n, "--fold", "0", "--node", "n1")
	server := startPeer(t, n.cgroup("server"), "", "present", "127.0.0.1:0")
	startPeer(t, n.cgroup("client"), "", "trust", server.address).make(5)

	a.eventually("5 failures are told", func() bool { return len(a.told(failed)) == 5 })
	for _, e := range a.told(failed) {
		if e.Node != "n1" || e.TLS == nil || e.TLS.SNI != "payments.shop.svc" || e.Verdict.Layer != event.LayerCertificate ||
			e.Verdict.GaveUp != event.Client || e.Client.Process == nil || e.Client.Process.Exe == "" || e.Client.K8s != nil {
			t.Errorf("told %+v, client %+v", e.Event, e.Client.Process)
		}
	}
	for _, role := range []string{"client", "server"} {
		if got := a.metric("tlstrace_handshake_failures_total", `layer="certificate"`, `role="`+role+`"`); got != 5 {
			t.Errorf("%v failures are counted for the %s, want 5", got, role)
		}
	}
	if status, body := a.get("/v1/events?since=10m&layer=certificate&follow=false"); status != http.StatusOK || strings.Count(body, `"schema":"tlstrace.event/v1"`) != 5 {
		t.Errorf("the stream answers %d %s", status, body)
	}
	if status, body := a.get("/readyz"); status != http.StatusOK || !strings.Contains(body, `"ready":true`) || !strings.Contains(body, `"pods":"off"`) {
		t.Errorf("/readyz answers %d %s", status, body)
	}
	for path, want := range map[string]int{"/healthz": 200, "/v1/version": 200, "/debug/pprof/": 404, "/": 404} {
		if status, body := a.get(path); status != want {
			t.Errorf("%s answers %d %s, want %d", path, status, body, want)
		}
	}
	id := a.told(failed)[0].ID
	if out, code := run(t, "explain", "--agent", a.url, id); code != 0 || !strings.Contains(out, "VERDICT") {
		t.Errorf("explain ends with %d:\n%s", code, out)
	}
	if out, code := run(t, "watch", "--agent", a.url, "--since", "10m", "-o", "json", "--count", "5"); code != 0 || strings.Count(out, "\n") != 5 {
		t.Errorf("watch ends with %d:\n%s", code, out)
	}
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	n := newNode(t)
	stdout, stalled, err := os.Pipe()
	must(t, err)
	defer stdout.Close()
	a := launch(t, n, stalled, "--fold", "0", "--shutdown-timeout", "1h")
	stalled.Close()
	n.peers(t).make(500) // more than a pipe holds
	a.eventually("the log stalls", func() bool { return a.metric("tlstrace_events_total", "failed") == 500 })
	a.signal(syscall.SIGTERM)
	a.said("stopping")
	if code := a.end(syscall.SIGTERM); code != -1 {
		t.Errorf("exit code %d, want the signal", code)
	}
}

func TestStalledLogStopsNothing(t *testing.T) {
	n := newNode(t)
	reader, stalled, err := os.Pipe()
	must(t, err)
	a := launch(t, n, stalled, "--fold", "0", "--shutdown-timeout", "2s")
	stalled.Close()
	const made = 3000
	n.peers(t).make(made)
	a.eventually("all are counted, though nobody reads", func() bool {
		return a.metric("tlstrace_events_total", "failed") == made
	})
	if status, _ := a.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answers %d", status)
	}
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader) // up to the agent's end
		text <- string(all)
	}()
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lost := a.said("stopped")["log_lines_lost"].(float64)
	if lines := strings.Count(<-text, "\n"); lines+int(lost) != made {
		t.Errorf("%d lines and %v lost, want %d together", lines, lost, made)
	}
}

func TestLostLogEndsTheAgent(t *testing.T) {
	n := newNode(t)
	reader, closed, err := os.Pipe()
	must(t, err)
	a := launch(t, n, closed, "--fold", "0")
	closed.Close()
	reader.Close()
	n.peers(t).make(1)
	if code := a.wait(); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if log := strings.Join(a.logLines(), "\n"); !strings.Contains(log, "the reader of standard output is gone") {
		t.Errorf("its log:\n%s", log)
	}
}

func TestStopUnderLoadLosesNoCount(t *testing.T) {
	n := newNode(t)
	a := startAgent(t, n, "--history-dir", t.TempDir())
	client := n.peers(t)
	const made = 2000
	client.make(made)
	client.start(100_000) // and on, while it stops
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	account := a.said("stopped")
	read, shed := int(account["read"].(float64)), int(account["shed"].(float64))
	if told := a.sum(everything); told+shed != read || read < made {
		t.Errorf("%d told and %d shed of %d read, and %d were made before it had to stop", told, shed, read, made)
	}
	if lines := len(a.told(failed)); lines > made/10 {
		t.Errorf("%d lines: repeats are not folded", lines)
	}
}

func TestHistoryOutlivesAKill(t *testing.T) {
	n := newNode(t)
	dir := t.TempDir()
	client := n.peers(t)
	a := startAgent(t, n, "--fold", "0", "--history-dir", dir)
	client.make(50)
	a.eventually("the failures are on disk", func() bool { return strings.Count(files(t, dir), `"outcome":"failed"`) == 50 })
	if code := a.end(syscall.SIGKILL); code != -1 {
		t.Errorf("exit code %d, want the signal", code)
	}
	b := startAgent(t, n, "--fold", "0", "--history-dir", dir)
	client.make(1)
	b.eventually("old and new failures are served", func() bool {
		_, body := b.get("/v1/events?since=10m&follow=false")
		return strings.Count(body, `"outcome":"failed"`) == 51
	})
	if code := b.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestFullDiskCostsOnlyTheHistory(t *testing.T) {
	n := newNode(t)
	dir := t.TempDir()
	command(t, nil, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir)
	t.Cleanup(func() { command(t, nil, "umount", dir) })
	a := startAgent(t, n, "--fold", "0", "--history-dir", dir, "--history-events", "1000")
	n.peers(t).make(1500)
	a.eventually("all are told", func() bool { return len(a.told(failed)) == 1500 })
	a.eventually("it is counted what the disk did not take", func() bool {
		return a.metric("tlstrace_events_lost_total", `where="history_disk"`) > 0
	})
	if _, body := a.get("/v1/events?since=10m&follow=false"); strings.Count(body, `"outcome":"failed"`) != 1000 {
		t.Errorf("%d failures are served from memory, want 1000", strings.Count(body, `"outcome":"failed"`))
	}
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestReload(t *testing.T) {
	n := newNode(t)
	path := filepath.Join(t.TempDir(), "config.yaml")
	write := func(text string) { must(t, os.WriteFile(path, []byte(text), 0o600)) }
	write("fold: 0s\nreason: unknown_ca\n")
	a := startAgent(t, n, "--config", path)
	client := n.peers(t)
	client.make(3)
	a.eventually("what is filtered is counted", func() bool { return a.metric("tlstrace_events_total", "failed") == 3 })

	write("fold: 0s\n")
	a.signal(syscall.SIGHUP)
	a.said("was read again")
	client.make(3)
	a.eventually("failures of every reason are told", func() bool { return len(a.told(failed)) == 3 })
	before := a.metric("tlstrace_config_last_reload_success_timestamp_seconds")

	write("fold: 0s\nreason: unkown_ca\n")
	refused := a.said("is refused")
	if why := refused["error"]; !strings.Contains(why.(string), "config.yaml:2: reason") {
		t.Errorf("refused with %q", why)
	}
	client.make(1)
	a.eventually("the old settings stay", func() bool { return len(a.told(failed)) == 4 })
	if a.metric("tlstrace_config_last_reload_successful") != 0 || a.metric("tlstrace_config_last_reload_success_timestamp_seconds") != before {
		t.Error("the metrics do not tell that the file was refused")
	}
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestStreamReadersAreToldThatTheAgentStops(t *testing.T) {
	n := newNode(t)
	a := startAgent(t, n, "--fold", "0")
	stream, err := http.Get(a.url + "/v1/events?follow=true")
	must(t, err)
	defer stream.Body.Close()
	n.peers(t).make(1)
	begun := time.Now()
	if code := a.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("a stream keeps the agent from stopping for %s", took)
	}
	text, err := io.ReadAll(stream.Body)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var last struct{ Schema, Kind string }
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	if !strings.Contains(string(text), `"outcome":"failed"`) || last.Schema != "tlstrace.notice/v1" {
		t.Errorf("the stream was:\n%s", text)
	}
}

func TestReachableAgentAsksForItsToken(t *testing.T) {
	n := newNode(t)
	token := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(token, []byte("geheim-123\n"), 0o600))
	a := startAgent(t, n, "--token-file", token, "--pprof")
	for _, path := range []string{"/v1/events?follow=false", "/debug/pprof/", "/debug/pprof/heap"} {
		for header, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer geheim-123": 200} {
			if status, body := a.get(path, "Authorization", header); status != want {
				t.Errorf("%s with %q answers %d %.200s, want %d", path, header, status, body, want)
			}
		}
	}
	if status, _ := a.get("/metrics"); status != 200 {
		t.Errorf("/metrics answers %d", status)
	}
	if out, code := run(t, "explain", "--agent", a.url, "--token-file", token); code != 2 || out != "" {
		t.Errorf("explain of nothing ends with %d: %s", code, out)
	}
	if log := strings.Join(a.logLines(), "\n"); strings.Contains(log, "geheim") {
		t.Errorf("the token is in the log:\n%s", log)
	}
}

// files is the text of all files in a directory.
func files(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		all.Write(text)
	}
	return all.String()
}
