package others

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/test/scenarios"
)

// What TestPlay is told through the environment, and the files that it leaves.
const (
	playTool    = "TLSTRACE_PLAY"       // name of the tool
	playDir     = "TLSTRACE_PLAY_DIR"   // where the files go
	playNames   = "TLSTRACE_PLAY_NAMES" // file that lists the scenarios, one a line
	windowsFile = "windows.json"
	outputFile  = "output.txt"
)

// settle is how long a server may go on after its client has ended and its words have come.
const settle = 200 * time.Millisecond

// patience bounds how long a tool may take to start, to print and to end. bpftrace compiles its script in an emulated machine.
const patience = 3 * time.Minute

// TestPlay plays scenarios while a tool watches. TestCompare runs it where the tool can work: in a virtual machine, or in a
// network namespace in which nobody listens on port 443.
func TestPlay(t *testing.T) {
	name, dir := os.Getenv(playTool), os.Getenv(playDir)
	if name == "" {
		t.Skip("run by TestCompare and TestTshark")
	}
	tool := find(t, name)
	lab := scenarios.NewLab(t)
	lab.Prefer(Port)
	watching := watch(t, tool)
	var windows []Window
	for _, s := range chosen(t, os.Getenv(playNames)) {
		t.Run(s.Name, func(t *testing.T) { windows = append(windows, playOne(t, lab, s)) })
	}
	output := watching.end(t)
	encoded, err := json.Marshal(windows)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{windowsFile: encoded, outputFile: []byte(output)} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func find(t *testing.T, name string) Tool {
	t.Helper()
	i := slices.IndexFunc(Tools(), func(tool Tool) bool { return tool.Name == name })
	if i < 0 {
		t.Fatalf("no tool is named %q", name)
	}
	return Tools()[i]
}

// chosen are the scenarios that a file names.
func chosen(t *testing.T, file string) []scenarios.Scenario {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSpace(string(b)), "\n")
	return slices.DeleteFunc(scenarios.All(true), func(s scenarios.Scenario) bool { return !slices.Contains(names, s.Name) })
}

// playOne fails the test if what was to happen did not: it has no window then.
func playOne(t *testing.T, lab *scenarios.Lab, s scenarios.Scenario) Window {
	w := Window{Scenario: s.Name, Began: now(t)}
	played := s.Play(t, lab)
	if !played.Proves(s.Truth) {
		t.Fatalf("this is not what was to happen:\n%s", played.Output())
	}
	time.Sleep(settle)
	w.Ended = now(t)
	return w
}

func now(t testing.TB) Instant {
	t.Helper()
	return Instant{Wall: clock(t, unix.CLOCK_REALTIME), Boot: clock(t, unix.CLOCK_BOOTTIME)}
}

func clock(t testing.TB, id int32) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

// watching is a tool that runs.
type watching struct {
	tool   Tool
	cmd    *exec.Cmd
	out    lockedBuffer
	err    lockedBuffer
	exited chan struct{}
}

// lockedBuffer is written by a process while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// watch starts a tool and returns when it sees what happens.
func watch(t *testing.T, tool Tool) *watching {
	t.Helper()
	script := filepath.Join(t.TempDir(), "reset.bt")
	if err := os.WriteFile(script, ResetScript, 0o600); err != nil {
		t.Fatal(err)
	}
	argv := tool.Argv(script)
	w := &watching{tool: tool, cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.err
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait() // a tool that is ended by a signal says so
		close(w.exited)
	}()
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	w.caughtUp(t)
	return w
}

// caughtUp waits until the tool has printed a signal that is sent now, and with it everything before.
func (w *watching) caughtUp(t *testing.T) {
	t.Helper()
	began := now(t)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err := signal(); err != nil {
			t.Fatal(err)
		}
		if w.tool.since(began, w.out.String()) {
			return
		}
	}
	t.Fatalf("%s does not see a signal after %v; it printed:\n%s%s", w.tool.Name, patience, w.out.String(), w.err.String())
}

// signal makes a connection that both tools print: it sends an alert in clear and is reset.
func signal() error {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", Port))
	if err != nil {
		return err
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte{21, 3, 3, 0, 2, 2, 90}) // a fatal alert: user_canceled
	return errors.Join(err, conn.(*net.TCPConn).SetLinger(0), conn.Close())
}

// end ends the tool as a user does and returns what it printed.
func (w *watching) end(t *testing.T) string {
	t.Helper()
	w.caughtUp(t)
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.exited:
	case <-time.After(patience):
		t.Fatalf("%s does not end", w.tool.Name)
	}
	return w.out.String()
}
