package plugin_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a child of the test with everything that it prints. It never outlives its test.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *output
	err  *output
	done chan struct{}
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

// start runs a program, in a cgroup unless that is "".
func start(t testing.TB, cgroup string, env []string, argv ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(argv[0], argv[1:]...), out: new(output), err: new(output), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if cgroup != "" {
		dir, err := os.Open(cgroup)
		must(t, err)
		defer dir.Close()
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	var err error
	p.in, err = p.cmd.StdinPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended is in its ProcessState
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// prints waits until a text is in what it printed.
func (p *process) prints(o *output, text string) {
	p.t.Helper()
	eventually(p.t, p.cmd.Path+" prints "+text, func() bool { return strings.Contains(o.String(), text) }, p.state)
}

func (p *process) state() string {
	return p.cmd.String() + "\n" + p.out.String() + "\n" + p.err.String()
}

// wait returns its exit code when it has ended by itself.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("it does not end: %s", p.state())
	}
	return p.cmd.ProcessState.ExitCode()
}

// end sends a signal, and returns the exit code.
func (p *process) end(s syscall.Signal) int {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(s))
	return p.wait()
}
