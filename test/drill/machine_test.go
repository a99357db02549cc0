package drill

import (
	"bufio"
	"bytes"
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
)

// patience bounds how long something may take that should happen.
const patience = 60 * time.Second

// machine is a cgroup that an agent traces: what others do beside this test is not in it.
type machine struct {
	t      *testing.T
	binary string
	dir    string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the agent needs root")
	default:
		t.Skip("the agent needs root")
	}
	binary, err := build()
	must(t, err)
	m := &machine{t: t, binary: binary}
	m.dir = filepath.Join(cgroup2(t), fmt.Sprintf("tlstrace-drill-%d", os.Getpid()))
	must(t, os.Mkdir(m.dir, 0o755))
	t.Cleanup(func() {
		err := os.Remove(m.dir)
		for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = os.Remove(m.dir) {
			time.Sleep(10 * time.Millisecond) // what ran in it has not gone yet
		}
		must(t, err)
	})
	return m
}

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(buildDir())
	os.Exit(code)
}

func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tlstrace-drill-test-%d", os.Getpid()))
}

// build makes the program once.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildDir(), "tlstrace")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/tlstrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// cgroup2 is where cgroup v2 is mounted.
func cgroup2(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	t.Fatal("no cgroup v2 hierarchy is mounted")
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the program in the machine, and returns what it wrote and its exit code.
func (m *machine) run(args ...string) (stdout, stderr string, code int) {
	m.t.Helper()
	cgroup, err := os.Open(m.dir)
	must(m.t, err)
	defer cgroup.Close()
	cmd := exec.Command(m.binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// start starts the program, and returns the word of its standard error that pick finds.
func (m *machine) start(inside bool, pick func(line string) string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(m.binary, args...)
	if inside {
		cgroup, err := os.Open(m.dir)
		must(m.t, err)
		defer cgroup.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	}
	stderr, err := cmd.StderrPipe()
	must(m.t, err)
	must(m.t, cmd.Start())
	found, log := make(chan string, 1), &lines{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for scanner := bufio.NewScanner(io.TeeReader(stderr, log)); scanner.Scan(); {
			if word := pick(scanner.Text()); word != "" {
				select {
				case found <- word:
				default: // it was said before
				}
			}
		}
	})
	m.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		if err := cmd.Wait(); err != nil || m.t.Failed() {
			m.t.Logf("%q: %v\n%s", args, err, log)
		}
	})
	select {
	case word := <-found:
		return word
	case <-time.After(patience):
		m.t.Fatalf("%q did not start:\n%s", args, log)
		return ""
	}
}

// agent starts an agent that traces the machine, and returns its URL.
func (m *machine) agent(flags ...string) string {
	m.t.Helper()
	args := append([]string{"agent", "--listen", "127.0.0.1:0", "--cgroup", m.dir, "--kubernetes", "off"}, flags...)
	address := ""
	return "http://" + m.start(false, func(line string) string {
		var said struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Address != "" {
			address = said.Address
		}
		if said.Msg == "tracing" {
			return address
		}
		return ""
	}, args...)
}

// lines is what was written so far.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
