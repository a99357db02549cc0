package scenarios

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a child of the test with everything that it prints. It never outlives its test.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
	in   io.WriteCloser
}

// output collects what a process prints while others read it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a program, sends it the text in stdin and then leaves its input open: a TLS client that reads EOF would
// close before the server's answer.
func start(t testing.TB, stdin string, argv ...string) *process {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	out := new(output)
	cmd.Stdout, cmd.Stderr = out, out
	return launch(t, cmd, out, stdin)
}

// launch starts cmd. SIGKILL follows when the test process dies, and when the test ends.
func launch(t testing.TB, cmd *exec.Cmd, out *output, stdin string) *process {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	p := &process{cmd: cmd, out: out, done: make(chan struct{}), in: in}
	_, _ = io.WriteString(in, stdin) // it may have ended already, which is for the caller to judge
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// comm is the name that the kernel knows the process by.
func (p *process) comm() string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.pid()))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait waits until the process has ended by itself.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s (pid %d) still runs after %v; it printed:\n%s", p.cmd.Path, p.pid(), limit, p.out)
	}
}

// ended says whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// typed runs a client that is told one thing, and the next once it has answered the first.
func typed(t testing.TB, argv []string, first, answer, second string) *process {
	t.Helper()
	p := start(t, "", argv...)
	p.await(t, "read R BLOCK|Verify return code|SSL-Session|---\n$")
	_, _ = io.WriteString(p.in, first)
	p.await(t, answer)
	_, _ = io.WriteString(p.in, second)
	return p
}

// await waits until the process has printed what matches.
func (p *process) await(t testing.TB, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(proofTimeout); !re.MatchString(p.out.String()); time.Sleep(10 * time.Millisecond) {
		if p.ended() || time.Now().After(deadline) {
			t.Fatalf("%s has not printed %q: %s", p.cmd.Path, pattern, p.out)
		}
	}
}
