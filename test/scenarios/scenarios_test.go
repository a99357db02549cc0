package scenarios

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// parallel is how many scenarios run at the same time. Their events are told apart by the server's port.
const parallel = 4

// TestFailures runs every failing handshake and checks that it is reported once and as what it was.
func TestFailures(t *testing.T) {
	r := newRun(t)
	r.play(t, All(full()))
	r.settle(t)
}

// run is the tracer and the scenarios that were played under it.
type run struct {
	*Lab
	watch *watch // nil: the traffic alone
	mu    sync.Mutex
	done  []outcome
}

// outcome is a scenario that was played.
type outcome struct {
	Scenario
	Played
}

func newRun(t testing.TB, flags ...string) *run {
	t.Helper()
	r := &run{Lab: NewLab(t)}
	if !truthOnly() {
		r.watch = startWatch(t, tlstrace(t), flags...)
	}
	return r
}

// play runs scenarios, some at a time, each as a subtest.
func (r *run) play(t *testing.T, all []Scenario) {
	slots := make(chan struct{}, parallel)
	t.Run("play", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				r.playOne(t, s)
			})
		}
	})
}

func (r *run) playOne(t *testing.T, s Scenario) {
	p := s.Play(t, r.Lab)
	t.Logf("server port %d", p.Port)
	if !p.Proves(s.Truth) {
		t.Fatalf("the programs do not show what was meant to happen (%s):\n%s", s.Truth.Proof, p.Output())
	}
	if r.watch == nil {
		return
	}
	r.mu.Lock()
	r.done = append(r.done, outcome{s, p})
	r.mu.Unlock()
	if s.Truth.Certainty != Must {
		return
	}
	if err := r.watch.await(eventTimeout, func() bool { return len(r.watch.failedAt(p.Port)) > 0 }); err != nil {
		t.Errorf("no failure reported: %v; events of this port: %s\n%s", err, r.watch.show(p.Port), p.Output())
	}
}

// settle makes sure that everything has been reported, and then judges all of it.
func (r *run) settle(t *testing.T) {
	if r.watch == nil {
		return
	}
	r.sentinel(t)
	for _, o := range r.done {
		t.Run("judge/"+o.Name, func(t *testing.T) { o.judge(t, r.watch) })
	}
	r.watch.end(t)
}

// sentinel makes a failing handshake and waits until it is reported: what came before it has been reported, too.
func (r *run) sentinel(t *testing.T) {
	t.Helper()
	bad := serverCertificateFailures()[0].pair(bothVersions[0], goServer, opensslClient)
	p := bad.Play(t, r.Lab)
	if err := r.watch.await(eventTimeout, func() bool { return len(r.watch.failedAt(p.Port)) > 0 }); err != nil {
		t.Fatalf("the sentinel was not reported: %v\n%s", err, r.watch.p.out)
	}
}

func (o outcome) judge(t *testing.T, w *watch) {
	failed := w.failedAt(o.Port)
	switch n := len(failed); {
	case n == 0 && o.Truth.Certainty != Must:
		return
	case n == 0:
		t.Errorf("not reported; events of this port: %s", w.show(o.Port))
		return
	case o.Truth.Certainty == Never:
		t.Errorf("a healthy handshake was reported as failed:\n%s", w.show(o.Port))
		return
	case n > 1:
		t.Errorf("reported %d times:\n%s", n, w.show(o.Port))
	}
	wrong := append(o.Truth.judge(failed[0].Event), o.Played.judge(failed[0].Event)...)
	if len(wrong) > 0 {
		t.Errorf("%s\n%s", strings.Join(wrong, "\n"), failed[0].line)
	}
}

// show prints the events of a port.
func (w *watch) show(port int) string {
	var b strings.Builder
	for _, r := range w.at(port) {
		fmt.Fprint(&b, r.line)
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}
