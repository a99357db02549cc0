package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// cast is the demo's two child processes, named demo-server and demo-client. Only the server stays.
type cast struct {
	server *exec.Cmd
	quit   io.Closer // ends the server
}

// enter starts the server, which fills in where it listens.
func enter(ctx context.Context, w *world, k *kit) (*cast, error) {
	c := &cast{}
	if err := c.startServer(ctx, w, k); err != nil {
		return nil, errors.Join(err, c.leave())
	}
	return c, nil
}

func (c *cast) startServer(ctx context.Context, w *world, k *kit) error {
	server, in, out, err := startPeer(ctx, w, "server")
	if err != nil {
		return err
	}
	c.server, c.quit = server, in
	if err := json.NewEncoder(in).Encode(k); err != nil {
		return fmt.Errorf("telling the demo's server what to do: %w", err)
	}
	if err := json.NewDecoder(out).Decode(&k.Servers); err != nil {
		return fmt.Errorf("the demo's server did not start: %w", err)
	}
	return nil
}

// play runs all clients and returns what each said, by scenario.
func (c *cast) play(ctx context.Context, w *world, k kit) (map[string]string, error) {
	client, in, out, err := startPeer(ctx, w, "client")
	if err != nil {
		return nil, err
	}
	errSend := errors.Join(json.NewEncoder(in).Encode(k), in.Close())
	heard, errRead := readSaid(out)
	if err := errors.Join(errSend, errRead, client.Wait()); err != nil {
		return nil, fmt.Errorf("running the demo's clients: %w", err)
	}
	return heard, nil
}

// leave ends the server.
func (c *cast) leave() error {
	if c.server == nil {
		return nil
	}
	return errors.Join(c.quit.Close(), c.server.Wait())
}

func readSaid(r io.Reader) (map[string]string, error) {
	heard := map[string]string{}
	for decoder := json.NewDecoder(r); ; {
		var s said
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			return heard, nil
		} else if err != nil {
			return heard, err
		}
		heard[s.Scenario] = s.Error
	}
}

// startPeer starts one child under a name of its own: a link to this program, which is gone again once it runs.
// The child ends when its input does, so that it does not outlive this process.
func startPeer(ctx context.Context, w *world, role string) (*exec.Cmd, io.WriteCloser, io.Reader, error) {
	self, err := os.Readlink(w.self)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("finding this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "tlstrace-demo-")
	if err != nil {
		return nil, nil, nil, fmt.Errorf("making room for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "demo-"+role)
	if err := os.Symlink(self, path); err != nil {
		return nil, nil, nil, fmt.Errorf("naming the demo's %s: %w", role, err)
	}
	cmd := exec.CommandContext(ctx, path, "demo-peer", role)
	cmd.Stderr = w.stderr
	cmd.WaitDelay = time.Second
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return nil, nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, nil, fmt.Errorf("starting the demo's %s: %w", role, err)
	}
	return cmd, in, out, nil
}
