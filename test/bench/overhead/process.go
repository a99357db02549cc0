package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds every wait for a process.
const patience = 60 * time.Second

// process is a child in a cgroup of its own. It does not outlive this process (PR_SET_PDEATHSIG).
type process struct {
	name string
	cmd  *exec.Cmd
	said *tail
	done chan struct{}
	err  error // how it ended, once done is closed
}

// placed is a command on one processor, before all others that want it: what else runs on the machine then disturbs less.
func placed(cpu string, argv ...string) []string {
	return append([]string{"nice", "-n", "-20", "taskset", "-c", cpu}, argv...)
}

// autogroup is the weight of a session among others, where the kernel has sessions compete and not processes (sched(7)).
const autogroup = "/proc/self/autogroup"

// hurry lets the session of this process go before others. What cannot be had is done without.
func hurry() (undo func()) {
	_ = os.WriteFile(autogroup, []byte("-20"), 0)
	return func() { _ = os.WriteFile(autogroup, []byte("0"), 0) }
}

// startIn starts a program in a cgroup, on one processor.
func startIn(group *group, cpu string, argv ...string) (*process, error) {
	name := argv[0]
	argv = placed(cpu, argv...)
	cmd := exec.Command(argv[0], argv[1:]...)
	p := &process{name: name, cmd: cmd, said: &tail{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	if err := group.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", strings.Join(argv, " "), err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// until waits for a condition, or for the end of the process.
func (p *process) until(ctx context.Context, what string, holds func() bool) error {
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%w) before %s: %s", p.name, p.err, what, p.said)
		case <-deadline:
			return fmt.Errorf("%s: not after %s: %s", what, patience, p.said)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// stop asks it to end, and makes it if it does not. A program that ends by the signal has ended well.
func (p *process) stop(with syscall.Signal) error {
	if err := p.cmd.Process.Signal(with); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end on %s", p.name, with)
	}
}

// tail keeps the last words of a process.
type tail struct {
	mu   sync.Mutex
	last bytes.Buffer
}

// mostSaid bounds what is kept.
const mostSaid = 4 << 10

// Write forgets the oldest.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Write(b)
	if more := t.last.Len() - mostSaid; more > 0 {
		t.last.Next(more)
	}
	return len(b), nil
}

// String is what is kept, on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ReplaceAll(strings.TrimSpace(t.last.String()), "\n", " / ")
}
