package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// lane is one source of handshakes, and how many it has made.
type lane struct {
	name  string
	count atomic.Uint64
	fails bool
	run   func(ctx context.Context, l *lane) error
}

// command is a process in the cgroup that is traced, which has ended when this program has.
func command(ctx context.Context, cgroup *os.File, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd()), Pdeathsig: syscall.SIGKILL}
	return cmd
}

// peer is this program in a role.
type peer struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Scanner
}

func startPeer(cgroup *os.File, role string, args ...string) (*peer, error) {
	cmd := command(context.Background(), cgroup, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), peerRole+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// ready waits until a server listens, and returns its address.
func (p *peer) ready() (string, error) {
	if !p.out.Scan() {
		return "", errors.Join(errors.New("a server did not start"), p.stop())
	}
	address, ok := strings.CutPrefix(p.out.Text(), "ready ")
	if !ok {
		return "", errors.Join(fmt.Errorf("a server said %q", p.out.Text()), p.stop())
	}
	return address, nil
}

// stop ends it after what it is at.
func (p *peer) stop() error {
	_ = p.in.Close()
	for p.out.Scan() { // its last words
	}
	return p.cmd.Wait()
}

// shakes is a lane of a Go client and its Go server.
func (w *world) shakes(kind string, rate int) *lane {
	return &lane{name: "Go to Go, " + kind, fails: kind == "distrust", run: func(ctx context.Context, l *lane) error {
		server, err := startPeer(w.cgroup, "serve", w.dir, kind)
		if err != nil {
			return err
		}
		address, err := server.ready()
		if err != nil {
			return err
		}
		err = w.shake(ctx, l, kind, address, rate)
		return errors.Join(err, server.stop())
	}}
}

func (w *world) shake(ctx context.Context, l *lane, kind, address string, rate int) error {
	client, err := startPeer(w.cgroup, "shake", w.dir, kind, address, fmt.Sprint(rate))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = client.in.Close() })
	defer stop()
	for client.out.Scan() {
		var n uint64
		if _, err := fmt.Sscanf(client.out.Text(), "made %d", &n); err == nil {
			l.count.Store(n)
		}
	}
	return client.cmd.Wait()
}
