package tracer_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// mustRun says whether a test that the machine does not allow has to fail instead of being skipped.
func mustRun() bool { return os.Getenv("CI") != "" }

// watch opens a tracer for the test, and collects what it reads.
func watch(t testing.TB, o tracer.Options) *watched {
	t.Helper()
	tr, err := tracer.Open(o)
	if errors.Is(err, tracer.ErrPermission) && !mustRun() {
		t.Skipf("cannot trace here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{Tracer: tr, events: make(chan event.Event, 1024)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.collect(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

type watched struct {
	*tracer.Tracer
	events   chan event.Event
	counting io.Closer // of the kernel's count of runs
}

func (w *watched) collect(ctx context.Context) {
	for {
		e, err := w.Read(ctx)
		if err != nil {
			return
		}
		w.events <- e
	}
}

// awaitLibrary waits for the probes in this very process: on a busy machine Open does not.
func (w *watched) awaitLibrary(t testing.TB, family string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attached := func(target tracer.Target) bool {
		return target.Family == family && target.State == tracer.StateAttached && target.Processes > 0 && target.Path == self
	}
	eventually(t, "probes are in this process", func() bool { return slices.ContainsFunc(w.Libraries(), attached) })
}

// awaitProbes waits until a libssl has its probes.
func (w *watched) awaitProbes(t testing.TB) {
	t.Helper()
	eventually(t, "openssl has its probes", func() bool {
		return slices.ContainsFunc(w.Libraries(), func(l tracer.Target) bool {
			fatal := slices.ContainsFunc(l.Probes, func(p string) bool { return strings.HasPrefix(p, "openssl_statem_fatal") })
			return l.Family == "openssl" && fatal && l.Processes > 0
		})
	})
}

// next returns the next event of a server port. Others, made by whatever else runs on the machine, are passed over.
func (w *watched) next(t testing.TB, port uint16) event.Event {
	t.Helper()
	timeout := time.After(60 * time.Second)
	for {
		select {
		case e := <-w.events:
			if e.Server.Port == port {
				return e
			}
		case <-timeout:
			t.Fatalf("no event for port %d", port)
		}
	}
}

// none makes sure that a port has no event: an event that is caused after it arrives before one that is not there.
func (w *watched) none(t testing.TB, port uint16) {
	t.Helper()
	sentinel := refusedPort(t)
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e := <-w.events:
			if e.Server.Port == port {
				t.Errorf("unexpected event: %+v", e)
			}
			if e.Server.Port == sentinel {
				return
			}
		case <-timeout:
			t.Fatal("the sentinel's event is missing")
		}
	}
}

// converse starts a program that is talked to, and ends when there is nothing more to read, or it is killed with the test.
func converse(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in, out
}
