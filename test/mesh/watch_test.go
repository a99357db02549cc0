package mesh_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// watch is a running "tlstrace watch" that traces the pods of a node and tells everything.
type watch struct {
	t testing.TB
	p *process
}

// startWatch returns once the tracer is attached.
func startWatch(t testing.TB, n *node) *watch {
	t.Helper()
	binary, err := tlstrace()
	must(t, err)
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command(binary, "watch", "--all", "-o", "json", "--ready-file", ready, "--cgroup", n.cgroup)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()) // its journal stays here
	w := &watch{t, launch(t, cmd, cgroup2(t))}
	eventually(t, "tlstrace is ready", func() bool {
		if w.p.ended() {
			t.Fatalf("tlstrace ended: %s", w.p.err)
		}
		_, err := os.Stat(ready)
		return err == nil
	})
	return w
}

// report is an event with the line that it came in.
type report struct {
	event.Event
	line string
}

// reports are the events so far.
func (w *watch) reports() []report {
	w.t.Helper()
	var all []report
	for lines := bufio.NewReader(strings.NewReader(w.p.out.String())); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return all // the rest of a line may come yet
		}
		r := report{line: line}
		if err := json.Unmarshal([]byte(line), &r.Event); err != nil || r.Schema != event.Schema {
			w.t.Fatalf("no event: %s", line)
		}
		all = append(all, r)
	}
}

// end ends the tracer as a user does.
func (w *watch) end() {
	w.t.Helper()
	must(w.t, w.p.cmd.Process.Signal(syscall.SIGINT))
	if code := w.p.wait(w.t); code != 0 {
		w.t.Errorf("tlstrace watch ends with %d: %s", code, w.p.err)
	}
	if strings.Contains(w.p.err.String(), "Not everything could be followed") {
		w.t.Errorf("tlstrace was blind at times: %s", w.p.err)
	}
}
