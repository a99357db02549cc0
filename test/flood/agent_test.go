package flood_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// patience bounds how long something may take that should happen.
const patience = 60 * time.Second

// agent is a running agent, and what it has told.
type agent struct {
	t      testing.TB
	cmd    *exec.Cmd
	dir    string // cgroup that it traces
	url    string
	reader sync.WaitGroup

	mu     sync.Mutex
	events []event.Event
}

func startAgent(t testing.TB, flags ...string) *agent {
	t.Helper()
	needRoot(t)
	binary, err := build()
	must(t, err)
	a := &agent{t: t, dir: cgroup(t)}
	a.cmd = exec.Command(binary, append([]string{
		"agent", "--listen", "127.0.0.1:0", "--cgroup", a.dir, "--kubernetes", "off", "--no-libraries", "--fold", "1s",
	}, flags...)...)
	a.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	out, err := a.cmd.StdoutPipe()
	must(t, err)
	log, err := a.cmd.StderrPipe()
	must(t, err)
	must(t, a.cmd.Start())
	t.Cleanup(a.stop)
	a.reader.Go(func() { a.read(out) })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var m struct{ Msg, Address string }
		must(t, json.Unmarshal(lines.Bytes(), &m))
		if m.Msg == "serving" {
			a.url = "http://" + m.Address
		}
		if m.Msg == "tracing" {
			a.reader.Go(func() { _, _ = io.Copy(io.Discard, log) })
			return a
		}
	}
	t.Fatal("the agent does not trace")
	return nil
}

func (a *agent) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var e event.Event
		if err := json.Unmarshal(line, &e); err != nil {
			a.t.Errorf("the agent writes %q: %v", line, err)
		}
		a.mu.Lock()
		a.events = append(a.events, e)
		a.mu.Unlock()
	}
}

// tally is what became of the failures with a server.
type tally struct {
	lines    int // events
	told     int // with those that were folded into them
	repeated int // events that say so
}

func (a *agent) tally(server string) (sum tally) {
	address := netip.MustParseAddrPort(server)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.events {
		if e := &a.events[i]; e.Server.Port == address.Port() && e.Outcome == event.Failed {
			sum.lines++
			sum.told += 1 + e.Repeated
			if e.Repeated > 0 {
				sum.repeated++
			}
		}
	}
	return sum
}

// metric is the value of a series, as its line in the text format begins.
func (a *agent) metric(series string) int {
	a.t.Helper()
	answer, err := http.Get(a.url + "/metrics")
	must(a.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(a.t, err)
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(a.t, err)
			return int(n)
		}
	}
	return 0
}

func (a *agent) lost(where string) int {
	a.t.Helper()
	return a.metric(`tlstrace_events_lost_total{where="` + where + `"}`)
}

func (a *agent) stop() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	a.reader.Wait()
	if err := a.cmd.Wait(); err != nil {
		a.t.Error("the agent ends with", err)
	}
}

// command is a peer in the cgroup of the agent.
func (a *agent) command(role string, args ...string) *exec.Cmd {
	a.t.Helper()
	self, err := os.Executable()
	must(a.t, err)
	dir, err := os.Open(a.dir)
	must(a.t, err)
	a.t.Cleanup(func() { _ = dir.Close() })
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), peerRole+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Pdeathsig: syscall.SIGKILL}
	return cmd
}

// server starts a server that refuses, and returns its address.
func (a *agent) server(after time.Duration) string {
	a.t.Helper()
	cmd := a.command("refuse", after.String())
	out, err := cmd.StdoutPipe()
	must(a.t, err)
	must(a.t, cmd.Start())
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(a.t, err)
	return strings.TrimSpace(strings.TrimPrefix(line, "ready "))
}

// clients make handshakes fail, at a rate or (0) as fast as they can, in a process of their own.
func (a *agent) clients(server string, n, workers, rate int, from ...string) *exec.Cmd {
	a.t.Helper()
	args := append([]string{server, strconv.Itoa(n), strconv.Itoa(workers), strconv.Itoa(rate)}, from...)
	cmd := a.command("fail", args...)
	must(a.t, cmd.Start())
	return cmd
}
