package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/cluster"
)

// TestLimits is about what the API server has to bear, and what becomes of names when it does not answer. The subtests are in order:
// what the first of them does to the cluster must not disturb the others.
func TestLimits(t *testing.T) {
	c := cluster.Start(t)
	c.Grant(t, cluster.User(cluster.Agent), rules...)
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"500 unknown addresses at once", (*world).testManyAtOnce},
		{"unknown addresses, too few for a sweep", (*world).testRate},
		{"a sweep that is not worth it", (*world).testSweepTooLarge},
		{"forbidden", (*world).testForbidden},
		{"429", (*world).testRetryAfter},
		{"500", (*world).testServerError},
		{"an API server that hangs", (*world).testHangs},
		{"an API server that goes and comes back", (*world).testGone},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&world{Cluster: c, t: t}) })
	}
}

// gentle has the limits that users get.
func gentle(o *Options) { o.QPS, o.Burst, o.Wait = 0, 0, 0 }

// fillServers fills an event for each address, all at the same time, and returns how long the slowest took.
func fillServers(n *Names, addrs []string) time.Duration {
	var running sync.WaitGroup
	var slowest atomic.Int64
	for _, addr := range addrs {
		running.Go(func() {
			start := time.Now()
			server(n, addr)
			for took := int64(time.Since(start)); ; {
				if seen := slowest.Load(); took <= seen || slowest.CompareAndSwap(seen, took) {
					return
				}
			}
		})
	}
	running.Wait()
	return time.Duration(slowest.Load())
}

func strangers(n int) []string {
	var all []string
	for i := range n {
		all = append(all, netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}).String())
	}
	return all
}

// asked lists what the API server was asked by this test, lists and watches of reflectors apart. It records a little later.
func (w *world) asked() []cluster.Request {
	var all []cluster.Request
	for _, r := range w.Requests(w.t) {
		reflector := strings.Contains(r.URI, "spec.nodeName") || r.Resource == "services"
		if r.UserAgent == w.t.Name() && !reflector {
			all = append(all, r)
		}
	}
	return all
}

func (w *world) testManyAtOnce() {
	ns := w.namespace()
	var specs []cluster.Pod
	for range 400 {
		specs = append(specs, cluster.Pod{Node: "there"})
	}
	pods := w.Workload(w.t, cluster.Workload{Kind: cluster.StatefulSet, Namespace: ns, Name: "many", Pods: specs})
	addrs := strangers(100)
	for _, p := range pods {
		addrs = append(addrs, p.Status.PodIP)
	}
	n := w.names("nowhere", gentle)
	start := time.Now()
	n.sweeper.running.Lock() // nothing is answered before all have asked, however busy the machine is
	slowest := fillServers(n, addrs)
	eventually(w.t, "all have asked", func() bool { return n.asker.waitingFor(aboutAddress) == len(addrs) })
	n.sweeper.running.Unlock()
	if slowest > 5*time.Second {
		w.t.Errorf("an event waited %s", slowest)
	}
	eventually(w.t, "all are known", func() bool { s := n.Stats(); return s.Waiting == 0 && s.Addresses >= 400 && s.Absent >= 100 })
	w.t.Logf("500 addresses took %s and %d requests", time.Since(start).Round(time.Millisecond), len(w.asked()))
	if got := len(w.asked()); got > 12 {
		w.t.Errorf("%d requests: %v", got, w.asked())
	}
	for _, p := range pods {
		if got := server(n, p.Status.PodIP); got == nil || got.Pod != p.Name || got.Workload != "many" {
			w.t.Fatalf("%s is named %+v", p.Name, got)
		}
	}
	if got := server(n, addrs[0]); got != nil {
		w.t.Errorf("a stranger is named %+v", got)
	}
}

func (w *world) testRate() {
	n := w.names("nowhere", gentle)
	start := time.Now()
	fillServers(n, strangers(sweepFrom-4))
	eventually(w.t, "all are known", func() bool { s := n.Stats(); return s.Waiting == 0 && s.Absent == sweepFrom-4 })
	took, asked := time.Since(start), w.asked()
	w.t.Logf("%d addresses took %s and %d requests", sweepFrom-4, took.Round(time.Millisecond), len(asked))
	if allowed := 20 + 1 + int(took.Seconds()*5); len(asked) > allowed {
		w.t.Errorf("%d requests in %s, want at most %d", len(asked), took, allowed)
	}
	busiest := 0
	for i := range asked {
		in := 0
		for _, r := range asked[i:] {
			if r.Time.Sub(asked[i].Time) < time.Second {
				in++
			}
		}
		if asked[i].Time.Sub(asked[0].Time) > time.Second {
			busiest = max(busiest, in)
		}
	}
	if busiest > 7 {
		w.t.Errorf("%d requests in a second after the first burst, want 5", busiest)
	}
}

func (w *world) testSweepTooLarge() {
	n := w.names("nowhere")
	all, needed := n.sweep(w.t.Context(), 1)
	if all || needed != 2 {
		w.t.Errorf("of 400 pods one page has all, or %d pages would, want 2", needed)
	}
	if got := n.Stats().Requests[Request{"pods_page", "ok"}]; got != 1 {
		w.t.Errorf("%d pages were read, though the first says that it will not do", got)
	}
	if got := n.Stats().Addresses; got < sweepPage/2 {
		w.t.Errorf("of the page, %d addresses were kept", got)
	}
}

func TestSweepIsDue(t *testing.T) {
	tests := []struct {
		name  string
		s     sweeper
		pages int
		want  bool
	}{
		{"never tried", sweeper{}, 1, true},
		{"done lately", sweeper{tried: noon.Add(-time.Minute)}, 100, false},
		{"done long ago", sweeper{tried: noon.Add(-sweepEvery)}, 1, true},
		{"given up lately, and still too large", sweeper{tried: noon.Add(-time.Second), pages: 40}, 39, false},
		{"given up lately, and worth it now", sweeper{tried: noon.Add(-time.Second), pages: 40}, 40, true},
	}
	for i := range tests {
		if tt := &tests[i]; tt.s.due(noon, tt.pages) != tt.want {
			t.Errorf("%s: want %v", tt.name, tt.want)
		}
	}
}

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (w *world) testForbidden() {
	ns := w.namespace()
	w.Namespace(w.t, "agents", nil)
	config := w.ServiceAccount(w.t, "agents", "watcher")
	w.Grant(w.t, cluster.Account("agents", "watcher"), rules[0], rules[1]) // pods and services, nothing else
	client, err := NewClient(config, w.t.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	var log logged
	n := w.names("nowhere", func(o *Options) { o.Client, o.Logger = client, log.logger() })
	job := w.Workload(w.t, cluster.Workload{Kind: cluster.CronJob, Namespace: ns, Name: "nightly", Pods: []cluster.Pod{{Node: "there"}}})[0]
	for range 20 {
		got := server(n, job.Status.PodIP)
		if got == nil || got.Pod != job.Name || got.Workload != "" {
			w.t.Fatalf("it is named %+v", got)
		}
		check(w.t, "nobody", nil, server(n, "198.51.100.10"))
	}
	for _, resource := range []string{"jobs", "endpointslices", "nodes"} {
		if got := n.Stats().Requests[Request{resource, "forbidden"}]; got != 1 {
			w.t.Errorf("%s were asked for %d times", resource, got)
		}
		if got := log.count("resource=" + resource); got != 1 {
			w.t.Errorf("that %s are forbidden was logged %d times:\n%s", resource, got, log.text.String())
		}
	}
}

// broken answers in place of the API server while it is on. The real one cannot be made to give these answers at will.
type broken struct {
	next   http.RoundTripper
	on     atomic.Bool
	status int
	header http.Header
	asked  atomic.Int64
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.on.Load() || r.URL.Query().Get("watch") != "" {
		return b.next.RoundTrip(r)
	}
	b.asked.Add(1)
	return &http.Response{Status: http.StatusText(b.status), StatusCode: b.status, Header: b.header, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader("no"))}, nil
}

// brokenNames starts names with something between them and the API server.
func (w *world) brokenNames(b *broken, change func(*Options)) *Names {
	config := w.ConfigOf(cluster.Agent)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { b.next = next; return b })
	client, err := NewClient(config, w.t.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.names("nowhere", func(o *Options) { o.Client = client }, change)
}

func (w *world) testRetryAfter() {
	b := &broken{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"30"}}}
	clock := newClock()
	n := w.brokenNames(b, func(o *Options) { o.Now = clock.now })
	b.on.Store(true)
	for _, addr := range strangers(50) {
		check(w.t, addr, nil, server(n, addr))
	}
	clock.forward(29 * time.Second)
	server(n, "198.51.100.11")
	if got := b.asked.Load(); got > askers {
		w.t.Errorf("%d requests within the time that it wants to be left alone", got)
	}
	s := n.Stats()
	if s.Requests[Request{"pods", "limited"}] == 0 || s.Refused == 0 || !s.Degraded {
		w.t.Errorf("that is not counted: %+v", s)
	}
	b.on.Store(false)
	clock.forward(30 * time.Second)
	server(n, "198.51.100.11")
	if s := n.Stats(); s.Absent == 0 || s.Degraded {
		w.t.Errorf("it does not ask again: %+v", s)
	}
}

func (w *world) testServerError() {
	b := &broken{status: http.StatusInternalServerError}
	clock := newClock()
	var log logged
	n := w.brokenNames(b, func(o *Options) { o.Now, o.Logger = clock.now, log.logger() })
	b.on.Store(true)
	for range 600 { // ten minutes
		server(n, "198.51.100.12")
		clock.forward(time.Second)
	}
	// 1, 2, 4, ... 60 seconds apart, half to one and a half times
	if got := b.asked.Load(); got < 8 || got > 40 {
		w.t.Errorf("%d requests in ten minutes of errors", got)
	}
	if got := log.count("cannot be asked"); got != 1 {
		w.t.Errorf("that is logged %d times", got)
	}
	b.on.Store(false)
	clock.forward(2 * time.Minute)
	server(n, "198.51.100.12")
	if got := log.count("answers again"); got != 1 {
		w.t.Errorf("its return is logged %d times", got)
	}
}

func (w *world) testHangs() {
	p := w.Pod(w.t, cluster.Pod{Namespace: w.namespace(), Name: "known", Node: "there"})
	n := w.names("nowhere", gentle)
	eventually(w.t, "it is named", func() bool { return server(n, p.Status.PodIP) != nil })
	w.PauseAPIServer(w.t)
	slowest := fillServers(n, append(strangers(100), p.Status.PodIP))
	if slowest > 5*time.Second {
		w.t.Errorf("an event waited %s for an API server that hangs", slowest)
	}
	if got := server(n, p.Status.PodIP); got == nil || got.Pod != "known" {
		w.t.Errorf("what was known is named %+v", got)
	}
	w.ResumeAPIServer(w.t)
	eventually(w.t, "nothing waits any more", func() bool { return n.Stats().Waiting == 0 })
}

func (w *world) testGone() {
	ns := w.namespace()
	there := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "there", Node: "there"})
	here := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "here", Node: "surviving"})
	clock := newClock()
	n := w.names("surviving", func(o *Options) { o.Now = clock.now })
	if got := server(n, there.Status.PodIP); got == nil {
		w.t.Fatal("it is not named")
	}
	w.KillAPIServer(w.t)
	server(n, "198.51.100.13") // finds out that it is gone
	for range 20 {
		clock.forward(2 * time.Minute)
		for name, p := range map[string]*corev1.Pod{"there": there, "here": here} {
			if got := server(n, p.Status.PodIP); got == nil || got.Pod != name {
				w.t.Fatalf("%s is named %+v", name, got)
			}
		}
	}
	if s := n.Stats(); !s.Synced || !s.Degraded {
		w.t.Errorf("it is not degraded: %+v", s)
	}
	clock.forward(staleAlone)
	if got := server(n, there.Status.PodIP); got != nil {
		w.t.Errorf("after more than an hour it is still %+v", got)
	}
	w.StartAPIServer(w.t)
	late := w.Pod(w.t, cluster.Pod{Namespace: ns, Name: "late", Node: "surviving"})
	// its address comes with a second change of the object
	eventually(w.t, "the watch is back and names a new pod", func() bool {
		got := server(n, late.Status.PodIP)
		return got != nil && got.Pod == "late"
	})
	eventually(w.t, "others are asked for again", func() bool {
		clock.forward(time.Minute)
		return server(n, there.Status.PodIP) != nil
	})
}

// TestStops: nothing is left running, also while it waits for its turn to ask.
func TestStops(t *testing.T) {
	n := New(Options{Node: "n", QPS: 0.001, Burst: 1, Client: offline(t)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	for i := range 50 {
		e := event.Event{Time: time.Now(), Outcome: event.Failed,
			Server: event.Endpoint{Addr: netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", i+1)), Port: 1}}
		n.Fill(ctx, &e)
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not stop")
	}
}
