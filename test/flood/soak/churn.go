package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"time"
)

// churn is what comes and goes under mixed load.
type churn struct {
	w        *world
	cgroups  atomic.Uint64 // made, used by a process of its own, and removed
	upgrades atomic.Uint64 // libraries replaced under a process that used them
}

func newChurn(w *world) *churn { return &churn{w: w} }

func (c *churn) lanes() []*lane {
	return []*lane{
		{name: "openssl in a cgroup of its own", run: c.containers},
		{name: "openssl with libraries that are replaced meanwhile", run: c.libraries},
	}
}

// containers makes a cgroup, lets a process shake hands in it, and removes it, again and again, as pods that come and go do.
func (c *churn) containers(ctx context.Context, l *lane) error {
	address, stop, err := c.server()
	if err != nil {
		return err
	}
	for n := 0; ctx.Err() == nil; n++ {
		if err := c.container(n, address); err != nil {
			return errors.Join(err, stop())
		}
		l.count.Add(1)
		c.cgroups.Add(1)
	}
	return stop()
}

// server is a Go server for tools that end when it has answered.
func (c *churn) server() (address string, stop func() error, err error) {
	p, err := startPeer(c.w.cgroup, "serve", c.w.dir, "tls13")
	if err != nil {
		return "", nil, err
	}
	address, err = p.ready()
	return address, p.stop, err
}

func (c *churn) container(n int, address string) error {
	dir := filepath.Join(c.w.home, fmt.Sprintf("pod-%d", n))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	cgroup, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = cgroup.Close() }()
	if err := c.ask(cgroup, nil, address); err != nil {
		return err
	}
	return removeWhenEmpty(dir)
}

// ask lets openssl send a line to a server that echoes, and say goodbye when it comes back.
func (c *churn) ask(cgroup *os.File, env []string, address string) error {
	cmd := command(context.Background(), cgroup, "openssl", "s_client", "-connect", address, "-CAfile",
		filepath.Join(c.w.dir, certFile), "-verify_return_error", "-quiet", "-no_ign_eof", "-servername", "localhost")
	cmd.Env = append(os.Environ(), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	const line = "hello\n"
	_, err = io.WriteString(in, line)
	_, read := io.ReadFull(out, make([]byte, len(line)))
	if err := errors.Join(err, read, in.Close(), cmd.Wait()); err != nil {
		return fmt.Errorf("s_client: %w: %s", err, said.Bytes())
	}
	return nil
}

// librariesOf finds what a program is linked with, as ldd prints it.
var librariesOf = regexp.MustCompile(`(/\S*/lib(?:ssl|crypto)\.so\S*)`)

// libraries runs openssl with copies of its libraries, which are replaced while it runs, as by a package that is upgraded.
func (c *churn) libraries(ctx context.Context, l *lane) error {
	out, err := exec.CommandContext(ctx, "ldd", "/usr/bin/openssl").Output()
	originals := librariesOf.FindAllString(string(out), -1)
	if err != nil || len(originals) == 0 {
		return fmt.Errorf("ldd names no libssl: %w", err)
	}
	dir := filepath.Join(c.w.dir, "lib")
	if err := errors.Join(os.Mkdir(dir, 0o755), replace(dir, originals)); err != nil {
		return err
	}
	address, stop, err := c.server()
	if err != nil {
		return err
	}
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			return stop()
		case <-tick.C:
		}
		if err := c.upgrade(dir, originals, address); err != nil {
			return errors.Join(err, stop())
		}
		l.count.Add(2)
		c.upgrades.Add(1)
	}
}

// upgrade replaces the libraries between the handshakes of two processes, of which the first still uses the old ones.
func (c *churn) upgrade(dir string, originals []string, address string) error {
	env := []string{"LD_LIBRARY_PATH=" + dir}
	first := make(chan error, 1)
	go func() { first <- c.ask(c.w.cgroup, env, address) }()
	return errors.Join(replace(dir, originals), c.ask(c.w.cgroup, env, address), <-first)
}

// replace writes new files, and renames them over those that are in use.
func replace(dir string, originals []string) error {
	for _, path := range originals {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.Base(path))
		if err := errors.Join(os.WriteFile(to+".new", text, 0o755), os.Rename(to+".new", to)); err != nil {
			return err
		}
	}
	return nil
}
