package start

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience is for machines that do much else.
const patience = 60 * time.Second

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("tracing needs root")
	default:
		t.Skip("tracing needs root")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build makes the program as it is shipped: static.
func build(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tlstrace")
	cmd := exec.Command("go", "build", "-o", binary, "../../cmd/tlstrace")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// session is a `tlstrace watch` that runs.
type session struct {
	*exec.Cmd
	log  *bytes.Buffer
	ends chan error
	// took is the time from its start until it traced.
	took time.Duration
}

// start runs the program until it traces.
func start(t testing.TB, binary string) *session {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	s := &session{Cmd: exec.Command(binary, "watch", "-o", "json", "--ready-file", ready), log: &bytes.Buffer{}, ends: make(chan error, 1)}
	s.Stderr = s.log
	s.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	must(t, s.Start())
	go func() { s.ends <- s.Wait() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := os.Stat(ready); err == nil {
			s.took = time.Since(began)
			return s
		}
		select {
		case err := <-s.ends:
			t.Fatalf("it ended before it traced: %v\n%s", err, s.log)
		case <-ctx.Done():
			_ = s.Process.Kill()
			t.Fatalf("it does not trace: %v", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// end sends a signal and waits for the end. A program that a signal ends has no exit code of its own, and is no error.
func (s *session) end(t testing.TB, signal syscall.Signal) {
	t.Helper()
	must(t, s.Process.Signal(signal))
	select {
	case err := <-s.ends:
		if err != nil && signal != syscall.SIGKILL {
			t.Errorf("it ended with %v\n%s", err, s.log)
		}
	case <-time.After(patience):
		_ = s.Process.Kill()
		t.Fatalf("%s does not end it", signal)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(fmt.Sprint("in vain: ", what))
		}
	}
}
