package enrich

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

// fakeProc is a procfs as this test wants it, on a machine that booted 1,000 seconds ago.
type fakeProc struct {
	t    *testing.T
	root string
	now  time.Time
}

func newFakeProc(t *testing.T) fakeProc {
	p := fakeProc{t: t, root: t.TempDir(), now: time.Unix(1_800_000_000, 0)}
	p.write("uptime", "1000.00 3900.12\n")
	return p
}

func (p fakeProc) write(path, text string) {
	p.t.Helper()
	path = filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p fakeProc) link(path, target string) {
	p.t.Helper()
	path = filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		p.t.Fatal(err)
	}
}

// process adds one that started so many seconds after boot.
func (p fakeProc) process(pid int, comm, exe string, started float64) {
	fields := "S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 " + strconv.Itoa(int(started*userHZ)) + " 0 0 0"
	p.write(fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (%s) %s\n", pid, comm, fields))
	p.link(fmt.Sprintf("%d/exe", pid), exe)
}

func (p fakeProc) processes() *Processes {
	return NewProcesses(p.root, func() time.Time { return p.now })
}

func TestFillNamesBothEnds(t *testing.T) {
	p := newFakeProc(t)
	p.process(41, "envoy", "/usr/local/bin/envoy", 100)
	p.process(42, "a) (b", "/opt/my app (deleted)", 200)
	e := event.Event{
		Time:   p.now.Add(-time.Second),
		Client: event.Endpoint{Process: &event.Process{PID: 41, Comm: "wrk:worker_0"}},
		Server: event.Endpoint{Process: &event.Process{PID: 42}},
	}
	p.processes().Fill(&e)
	want := event.Process{PID: 41, Comm: "wrk:worker_0", Exe: "/usr/local/bin/envoy"}
	if diff := cmp.Diff(want, *e.Client.Process); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	want = event.Process{PID: 42, Comm: "a) (b", Exe: "/opt/my app"}
	if diff := cmp.Diff(want, *e.Server.Process); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

func TestFillLeavesWhatMayBeSomebodyElse(t *testing.T) {
	tests := []struct {
		name    string
		started float64 // seconds after boot; the event ended at 900
		want    string
	}{
		{"started long before", 10, "/bin/it"},
		{"started during the connection", 899, "/bin/it"},
		{"started within the rounding of procfs", 900.01, "/bin/it"},
		{"started after the event", 900.5, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newFakeProc(t)
			p.process(7, "it", "/bin/it", tt.started)
			e := event.Event{
				Time:   p.now.Add(-100 * time.Second),
				Client: event.Endpoint{Process: &event.Process{PID: 7, Comm: "was"}},
			}
			p.processes().Fill(&e)
			if got := e.Client.Process; got.Exe != tt.want || got.Comm != "was" {
				t.Errorf("got %+v, want exe %q and the name kept", *got, tt.want)
			}
		})
	}
}

func TestCommTellsReuse(t *testing.T) {
	p := newFakeProc(t)
	p.process(7, "it", "/bin/it", 950)
	_, err := p.processes().Comm(7, p.now.Add(-100*time.Second))
	if !errors.Is(err, ErrReused) {
		t.Errorf("got %v, want %v", err, ErrReused)
	}
	if _, err := p.processes().Comm(8, p.now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a process that is gone: got %v, want %v", err, os.ErrNotExist)
	}
}

func TestParseStatRefusesWhatIsCut(t *testing.T) {
	for _, stat := range []string{"", "1", "1 (a", "1 )a(", "1 (a) S 1 2 3", "1 (a)" + strings.Repeat(" x", 30)} {
		if comm, _, err := parseStat(stat); err == nil {
			t.Errorf("parseStat(%q) = %q, want an error", stat, comm)
		}
	}
}

func TestCommOfThisProcess(t *testing.T) {
	got, err := NewProcesses("/proc", time.Now).Comm(os.Getpid(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
