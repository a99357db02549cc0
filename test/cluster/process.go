package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a server that this process started. It never outlives it.
type process struct {
	pid  int
	log  string        // path of what it prints
	done chan struct{} // closed when it has ended
}

// startProcess runs a program; what it prints is appended to a file.
func startProcess(log string, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p := &process{log: log, done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, out, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

// run keeps the thread that started the process: the parent death signal is sent when that thread ends, and Go ends the threads
// of goroutines that entered another network namespace (prctl(2), PR_SET_PDEATHSIG).
func (p *process) run(cmd *exec.Cmd, out *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer out.Close()
	err := cmd.Start()
	if err == nil {
		p.pid = cmd.Process.Pid
	}
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // how it ended is in its log
	close(p.done)
}

// running says whether the process has been started and has not ended.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// end sends a signal and waits until the process is gone; after the limit it is killed, which is an error.
func (p *process) end(signal syscall.Signal, limit time.Duration) error {
	if !p.running() {
		return nil
	}
	// A stopped process takes no signal but SIGKILL before it is continued.
	_ = syscall.Kill(p.pid, signal)
	_ = syscall.Kill(p.pid, syscall.SIGCONT)
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
		<-p.done
		return fmt.Errorf("process %d did not end %v after %v", p.pid, limit, signal)
	}
}

// tail is the end of what the process printed. What the API server tells as information, with an I before the date, and of the
// versions that it does not serve is left to the file: the reason of a failure is not in it.
func (p *process) tail() string {
	if p == nil {
		return "never started"
	}
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return lastLines(information.ReplaceAllString(string(b), ""), 30)
}

var information = regexp.MustCompile(`(?m)^(I\d{4}|W\d{4} .*Skipping API) .*\n`)

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
