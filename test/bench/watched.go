package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/lane"
)

// watchedFailures is how many handshakes fail while watch looks on.
const watchedFailures = 2000

// watchPatience bounds the wait for its last event once the last handshake has failed.
const watchPatience = 15 * time.Second

// resident is what a process holds in memory, in bytes.
type resident struct {
	peak, now uint64 // VmHWM, VmRSS
	private   uint64 // of now: RssAnon; the rest is the binary's pages, which the kernel can drop
}

// watchRuns is how often watch is started.
const watchRuns = 3

// measureWatches looks at several, one after the other.
func measureWatches(ctx context.Context, c *cgroup.Tree, binary string) ([]resident, error) {
	dir, err := c.Create("watched")
	if err != nil {
		return nil, err
	}
	var all []resident
	for range watchRuns {
		r, err := measureWatch(ctx, c, dir, binary)
		if err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
		all = append(all, r)
	}
	return all, nil
}

// measureWatch runs `tlstrace watch -o json` on a cgroup in which handshakes fail, and looks at its memory once it has told all.
func measureWatch(ctx context.Context, c *cgroup.Tree, dir, binary string) (r resident, err error) {
	home, err := os.MkdirTemp("", "tlstrace-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	w, err := startWatch(ctx, binary, dir, home)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	told := make(chan error, 1)
	go func() { told <- w.readLines(watchedFailures) }()
	if err := c.Within(dir, failHandshakes); err != nil {
		return r, err
	}
	select {
	case err = <-told:
	case <-time.After(watchPatience):
		err = errors.New("watch has not told every failure")
	}
	if err != nil {
		return r, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	return parseStatus(string(text)), err
}

// watch is a running `tlstrace watch -o json`.
type watch struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
}

func startWatch(ctx context.Context, binary, cgroup, home string) (*watch, error) {
	ready := filepath.Join(home, "ready")
	cmd := exec.CommandContext(ctx, binary, "watch", "-o", "json", "--cgroup", cgroup, "--ready-file", ready,
		"--alike-per-second", "1000000")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+home)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; build it: make build", err)
	}
	w := &watch{cmd, bufio.NewReader(out)}
	for range 300 {
		if _, err := os.Stat(ready); err == nil {
			return w, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(errors.New("watch does not become ready"), w.stop())
}

// readLines reads that many events.
func (w *watch) readLines(n int) error {
	for i := range n {
		if _, err := w.lines.ReadBytes('\n'); err != nil {
			return fmt.Errorf("watch told %d of %d failures: %w", i, n, err)
		}
	}
	return nil
}

func (w *watch) stop() error {
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.cmd.Wait() // closes the pipe: what is still in it is not needed
}

// failHandshakes makes clients refuse a certificate.
func failHandshakes() error {
	configs, err := newConfigs(tls.VersionTLS13)
	if err != nil {
		return err
	}
	configs.client.RootCAs = nil
	listener, err := lane.NewListener()
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	for range watchedFailures {
		client, err := lane.NewSocket()
		if err != nil {
			return err
		}
		server, err := client.Connect(listener)
		if err != nil {
			return errors.Join(err, client.Close())
		}
		refused := configs.converse(client, server)
		if err := errors.Join(client.Close(), server.Close()); err != nil {
			return err
		}
		if refused == nil {
			return errors.New("a handshake succeeded that was to fail")
		}
	}
	return nil
}

// parseStatus reads /proc/PID/status (proc_pid_status(5)).
func parseStatus(text string) resident {
	var r resident
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		n, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			continue
		}
		switch f[0] {
		case "VmHWM:":
			r.peak = n << 10
		case "VmRSS:":
			r.now = n << 10
		case "RssAnon:":
			r.private = n << 10
		}
	}
	return r
}
