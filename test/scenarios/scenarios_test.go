package scenarios

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// parallel is how many scenarios run at the same time. Their events are told apart by the server's port.
const parallel = 4

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

// anyLibrary has one stack for each TLS library that is looked into.
var anyLibrary = []serverStack{opensslServer, gnutlsServer, nodeServer, goServer, boringsslServer}

// warmUp starts a server with each library, which runs on until the test ends, and returns once all of them are looked into. How soon after
// its first start that is depends on the machine; on a node it is long before the first failure.
func (r *run) warmUp(t *testing.T) {
	t.Helper()
	if r.watch == nil {
		return
	}
	for _, stack := range anyLibrary {
		srv := r.serve(t, stack, serverSettings{pair: r.pki.ok, versions: only(tls.VersionTLS13)})
		told := func() bool {
			return slices.ContainsFunc(r.watch.failedAt(srv.port), func(f report) bool { return f.Library != nil })
		}
		for deadline := time.Now().Add(eventTimeout); !told(); {
			if time.Now().After(deadline) {
				t.Fatalf("the library of %s is not looked into; events: %s\n%s", stack.name, r.watch.show(srv.port), r.watch.p.out)
			}
			before := len(r.watch.failedAt(srv.port))
			r.dial(t, opensslClient, srv.port, clientSettings{host: "127.0.0.1", ca: r.pki.ca, versions: only(tls.VersionTLS12)})
			if err := r.watch.await(eventTimeout, func() bool { return len(r.watch.failedAt(srv.port)) > before }); err != nil {
				t.Fatalf("no failure of %s reported: %v\n%s", stack.name, err, srv.out)
			}
		}
	}
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

// settle makes sure that everything has been reported, judges all of it, and returns what was reported of each scenario.
func (r *run) settle(t *testing.T) []Result {
	results := r.results(t)
	for _, result := range results {
		t.Run("judge/"+result.Name, func(t *testing.T) { result.check(t) })
	}
	return results
}

// results ends the tracer and returns what was reported of each scenario; nothing if there is no tracer.
func (r *run) results(t *testing.T) []Result {
	t.Helper()
	if r.watch == nil {
		return nil
	}
	r.sentinel(t)
	r.watch.end(t)
	results := make([]Result, len(r.done))
	for i, o := range r.done {
		results[i] = o.result(r.watch)
	}
	slices.SortFunc(results, func(a, b Result) int { return strings.Compare(a.Name, b.Name) })
	return results
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

// result compares what was reported with the truth.
func (o outcome) result(w *watch) Result {
	r := Result{Scenario: o.Scenario}
	for _, told := range w.at(o.Port) {
		r.Told, r.lines = append(r.Told, told.Event), append(r.lines, told.line)
	}
	switch failed, n := w.failedAt(o.Port), r.failures(); {
	case n > 0 && o.Truth.Certainty == Never:
		r.Wrong = []string{"a healthy connection was reported as failed"}
	case n == 0 && o.Truth.Certainty == Must:
		r.Wrong = []string{"not reported"}
	case n == 0:
		r.Wrong = o.Truth.judgeHealthy(r.Told)
	default:
		if n > 1 {
			r.Wrong = []string{fmt.Sprintf("reported %d times", n)}
		}
		r.Wrong = append(append(r.Wrong, o.Truth.judge(failed[0].Event)...), o.Played.judge(failed[0].Event)...)
	}
	return r
}

func (r Result) check(t *testing.T) {
	if len(r.Wrong) > 0 {
		t.Errorf("%s\n%s", strings.Join(r.Wrong, "\n"), strings.Join(r.lines, ""))
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
