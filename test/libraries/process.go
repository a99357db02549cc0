package libraries

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
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
