package scenarios

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// eventTimeout bounds how long an event may take after the connection has ended.
const eventTimeout = 30 * time.Second

// watch is a running "tlstrace watch" and what it has reported so far.
type watch struct {
	p       *process
	mu      sync.Mutex
	events  []event.Event
	lines   []string // the JSON of each event
	bad     []string // lines that are no event
	changed chan struct{}
}

// tlstrace returns the binary to test.
func tlstrace(t testing.TB) string {
	t.Helper()
	if binary := os.Getenv("TLSTRACE_BIN"); binary != "" {
		return binary
	}
	return build(t, filepath.Join(t.TempDir(), "tlstrace"), module+"/cmd/tlstrace")
}

// startWatch returns once the tracer is attached.
func startWatch(t testing.TB, binary string, flags ...string) *watch {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command(binary, append([]string{"watch", "-o", "json", "--ready-file", ready, "--alike-per-second", "1000000"}, flags...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()) // its journal stays here
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := new(output)
	cmd.Stderr = out
	w := &watch{changed: make(chan struct{})}
	w.p = launch(t, cmd, out, "")
	go w.read(pipe)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			return w
		}
		if w.p.ended() {
			break
		}
	}
	t.Fatalf("tlstrace watch does not get ready: %s", out)
	return nil
}

func (w *watch) read(pipe io.Reader) {
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		w.add(line)
	}
}

func (w *watch) add(line string) {
	var e event.Event
	err := json.Unmarshal([]byte(line), &e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || e.Schema != event.Schema {
		w.bad = append(w.bad, line)
	} else {
		w.events = append(w.events, e)
		w.lines = append(w.lines, line)
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// report is an event with the line that it came in.
type report struct {
	event.Event
	line string
}

// at returns the events so far whose server has this port.
func (w *watch) at(port int) []report {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []report
	for i, e := range w.events {
		if int(e.Server.Port) == port {
			found = append(found, report{e, w.lines[i]})
		}
	}
	return found
}

// failedAt returns the failures so far whose server has this port.
func (w *watch) failedAt(port int) []report {
	var failed []report
	for _, r := range w.at(port) {
		if r.Outcome == event.Failed {
			failed = append(failed, r)
		}
	}
	return failed
}

// await waits until the condition holds; it is looked at after each event.
func (w *watch) await(limit time.Duration, holds func() bool) error {
	timeout := time.After(limit)
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-w.p.done:
			return fmt.Errorf("tlstrace ended: %s", w.p.out)
		case <-timeout:
			return fmt.Errorf("nothing after %v", limit)
		}
	}
}

// end ends the tracer and checks that it ends well. What it could not follow is only shown: it sees the whole machine, where
// the tests of other packages may flood it on purpose.
func (w *watch) end(t testing.TB) {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	if _, lost, found := strings.Cut(w.p.out.String(), "Not everything could be followed"); found {
		t.Log("tlstrace was blind at times" + lost)
	}
}

// stop ends the tracer as a user does.
func (w *watch) stop() error {
	if err := w.p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	if err := w.p.wait(10 * time.Second); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.bad) > 0 {
		return fmt.Errorf("%d lines are no events, the first: %s", len(w.bad), w.bad[0])
	}
	if code := w.p.cmd.ProcessState.ExitCode(); code != 0 {
		return errors.New("tlstrace watch ended with " + w.p.cmd.ProcessState.String() + ": " + w.p.out.String())
	}
	return nil
}
