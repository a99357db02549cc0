package privileges

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds every wait: what is waited for takes a second on a machine that does nothing else.
const patience = 60 * time.Second

// place makes the command that runs tlstrace in one setting. shared is a directory that both sides see under the same path, and may write to.
type place func(t *testing.T, shared string, arguments ...string) *exec.Cmd

// try runs doctor, then watch beside a handshake that fails.
func try(t *testing.T, in place) outcome {
	t.Helper()
	shared := openDirectory(t)
	var o outcome
	doctor := in(t, shared, "doctor", "-o", "json")
	var said bytes.Buffer
	doctor.Stderr = &said
	out, err := doctor.Output()
	if o.code = exitCode(t, err); o.code != exitFine && o.code != exitNoTrace {
		t.Fatalf("doctor ends with %d: %s%s", o.code, out, said.String())
	}
	o.report = readReport(t, out)
	port := freePort(t)
	var events, complaints bytes.Buffer
	ready := filepath.Join(shared, "ready")
	watch := in(t, shared, "watch", "--port", port, "-o", "json", "--count", "1", "--duration", "90s", "--ready-file", ready)
	watch.Stdout, watch.Stderr = &events, &complaints
	var peers stayed
	peers.start(t, build(t).handshake, port) // it is there to be found when watch looks for TLS libraries
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- watch.Wait() }()
	o.ended = beside(t, watch, ready, ended, func() { peers.begin(t) })
	peers.end(t)
	o.event, o.said = readEvent(t, events.Bytes()), complaints.String()
	return o
}

// beside does something when a command is ready, and returns its exit code when it has ended.
func beside(t *testing.T, cmd *exec.Cmd, ready string, ended chan error, do func()) int {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case err := <-ended:
			return exitCode(t, err)
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Logf("it ended: %v", <-ended)
			t.Fatalf("%v was not ready in time", cmd.Args)
		case <-time.After(20 * time.Millisecond):
		}
		if _, err := os.Stat(ready); err == nil {
			break
		}
	}
	do()
	select {
	case err := <-ended:
		return exitCode(t, err)
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		return exitCode(t, <-ended)
	}
}

// stayed is the program whose handshake fails when it is told to begin, and which stays until it is told to go.
type stayed struct {
	cmd   *exec.Cmd
	tell  io.WriteCloser
	began bool
	said  bytes.Buffer
}

func (s *stayed) start(t *testing.T, program, port string) {
	t.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, "-port", port)
	s.cmd.Stderr = &s.said
	var err error
	if s.tell, err = s.cmd.StdinPipe(); err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stayed) begin(t *testing.T) {
	t.Helper()
	s.began = true
	if _, err := io.WriteString(s.tell, "\n"); err != nil {
		t.Fatal(err)
	}
}

func (s *stayed) end(t *testing.T) {
	t.Helper()
	_ = s.tell.Close()
	if err := s.cmd.Wait(); err != nil && s.began {
		t.Fatalf("the handshake did not go as it should: %v: %s", err, s.said.String())
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// exitCode is -1 for a command that was killed.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// launched runs it by the launcher, with the launcher's flags.
func launched(flags string) place {
	return func(t *testing.T, shared string, arguments ...string) *exec.Cmd {
		p := build(t)
		argv := append(append(words(flags), p.tlstrace), arguments...)
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), p.launch, argv...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+shared)
		return cmd
	}
}
