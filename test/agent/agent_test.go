package agent_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

// agent is a running agent, and what it has told so far.
type agent struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed when it has ended
	err  error         // of its end

	mu     sync.Mutex
	events []told
	bad    []string // lines on standard output that are no event
	log    []string // lines on standard error
}

// told is an event, and when its line was read.
type told struct {
	event.Event
	at time.Time
}

// startAgent returns once hooks are attached. Without other flags it is an agent for a plain host that traces the node of the test.
func startAgent(t testing.TB, n *node, flags ...string) *agent {
	t.Helper()
	return launch(t, n, nil, flags...)
}

// launch starts an agent with a standard output of the test's own, or nil.
func launch(t testing.TB, n *node, stdout *os.File, flags ...string) *agent {
	t.Helper()
	binary, err := build()
	must(t, err)
	args := append([]string{"agent", "--listen", "127.0.0.1:0", "--cgroup", n.dir, "--kubernetes", "off", "--no-libraries",
		"--alike-per-second", "1000000"}, flags...) // what the kernel sheds is tested in test/flood
	a := &agent{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	a.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	log, err := a.cmd.StderrPipe()
	must(t, err)
	var reading sync.WaitGroup
	if a.cmd.Stdout = stdout; stdout == nil {
		a.cmd.Stdout = nil
		out, err := a.cmd.StdoutPipe()
		must(t, err)
		reading.Go(func() { a.read(out) })
	}
	must(t, a.cmd.Start())
	reading.Go(func() { a.readLog(log) })
	go func() {
		reading.Wait()
		a.err = a.cmd.Wait()
		close(a.done)
	}()
	t.Cleanup(a.kill)
	a.url = "http://" + a.said("serving")["address"].(string)
	a.said("tracing")
	return a
}

func (a *agent) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		at := time.Now()
		var e event.Event
		err = json.Unmarshal([]byte(line), &e)
		a.mu.Lock()
		if err != nil || e.Schema != event.Schema {
			a.bad = append(a.bad, line)
		} else {
			a.events = append(a.events, told{e, at})
		}
		a.mu.Unlock()
	}
}

func (a *agent) readLog(log io.Reader) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		a.mu.Lock()
		a.log = append(a.log, lines.Text())
		a.mu.Unlock()
	}
}

// said waits for a message of the agent about itself, and returns its fields.
func (a *agent) said(message string) map[string]any {
	a.t.Helper()
	return a.saidTimes(message, 1)
}

// saidTimes waits until a message has come so many times, and returns the fields of that one.
func (a *agent) saidTimes(message string, times int) map[string]any {
	a.t.Helper()
	var fields map[string]any
	a.eventually(fmt.Sprintf("%q is said %d times", message, times), func() bool {
		left := times
		for _, line := range a.logLines() {
			fields = map[string]any{}
			if json.Unmarshal([]byte(line), &fields) == nil && strings.Contains(fmt.Sprint(fields["msg"]), message) {
				left--
			}
			if left == 0 {
				return true
			}
		}
		return false
	})
	return fields
}

func (a *agent) logLines() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.log...)
}

// told returns the events that match, so far.
func (a *agent) told(match func(event.Event) bool) []told {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []told
	for _, e := range a.events {
		if match(e.Event) {
			all = append(all, e)
		}
	}
	return all
}

// sum is how many connections the log stands for.
func (a *agent) sum(match func(event.Event) bool) int {
	n := 0
	for _, e := range a.told(match) {
		n += 1 + e.Repeated
	}
	return n
}

// eventually waits for a condition.
func (a *agent) eventually(what string, ok func() bool) {
	a.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.Fatalf("it does not happen that %s\nits log:\n%s", what, strings.Join(a.log, "\n"))
}

// get asks the agent's server.
func (a *agent) get(path string, header ...string) (status int, body string) {
	a.t.Helper()
	r, err := http.NewRequest(http.MethodGet, a.url+path, nil)
	must(a.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := (&http.Client{Timeout: patience}).Do(r)
	must(a.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(a.t, err)
	return answer.StatusCode, string(text)
}

// metric adds up the series of a metric whose labels hold all of these texts.
func (a *agent) metric(name string, labels ...string) float64 {
	a.t.Helper()
	_, text := a.get("/metrics")
	sum := 0.0
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil && holdsAll(series, labels) {
			sum += n
		}
	}
	return sum
}

func holdsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

func (a *agent) signal(s syscall.Signal) {
	a.t.Helper()
	must(a.t, a.cmd.Process.Signal(s))
}

// end sends a signal, waits for the agent, and returns its exit code: -1 if the signal ended it.
func (a *agent) end(s syscall.Signal) int {
	a.t.Helper()
	a.signal(s)
	return a.wait()
}

func (a *agent) wait() int {
	a.t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		a.t.Fatalf("the agent does not end; its log:\n%s", strings.Join(a.logLines(), "\n"))
	}
	return a.cmd.ProcessState.ExitCode()
}

func (a *agent) kill() {
	_ = a.cmd.Process.Kill() // it has ended already, mostly
	<-a.done
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.t.Failed() {
		a.t.Logf("the agent's log:\n%s", strings.Join(a.log, "\n"))
	}
	if len(a.bad) > 0 {
		a.t.Errorf("no events on standard output: %q", a.bad)
	}
}

// run runs another command of the program, and returns its output.
func run(t testing.TB, args ...string) (stdout string, code int) {
	t.Helper()
	binary, err := build()
	must(t, err)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	cmd.Stderr = testLog{t}
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// testLog writes to the log of a test.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Helper()
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}
