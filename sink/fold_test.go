package sink

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// taken keeps what was written, and when.
type taken struct {
	sync.Mutex // for tests that look while a window may end
	begun      time.Time
	events     []event.Event
	at         []time.Duration
	err        error
	closed     int
}

func (k *taken) Write(e event.Event) error {
	k.Lock()
	defer k.Unlock()
	k.events = append(k.events, e)
	k.at = append(k.at, time.Since(k.begun))
	return k.err
}

func (k *taken) Close() error { k.closed++; return nil }

// last is the event that was written last.
func (k *taken) last() string {
	k.Lock()
	defer k.Unlock()
	return k.events[len(k.events)-1].ID
}

// story spells what was written: after how many seconds, which event, and how many were folded into it.
func (k *taken) story() string {
	var out []string
	for i, e := range k.events {
		out = append(out, fmt.Sprintf("%v:%s+%d", k.at[i].Seconds(), e.ID, e.Repeated))
	}
	return strings.Join(out, " ")
}

// refused is the n-th failure of a kind that the client's program makes.
func refused(kind string, n int) event.Event {
	return event.Event{
		ID: fmt.Sprint(kind, n), Outcome: event.Failed, ObservedFrom: event.FromClient,
		Verdict: event.Verdict{Reason: event.UnknownCA, GaveUp: event.Client},
		Client:  event.Endpoint{Port: uint16(30000 + n), Process: &event.Process{PID: n, Comm: kind}},
		Server:  event.Endpoint{Addr: netip.MustParseAddr("10.0.0.1"), Port: 443},
	}
}

func TestFoldTellsTheFirstAtOnceAndSumsUpTheRest(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []float64 // seconds at which one of the kind comes, in order
		until float64
		want  string
	}{
		{"one", []float64{0}, 60, "0:a0+0"},
		{"a few", []float64{0, 1, 2, 3}, 60, "0:a0+0 10:a3+2"},
		{"two: the second has nothing folded into it", []float64{0, 1}, 60, "0:a0+0 10:a1+0"},
		{"windows double while it goes on", []float64{0, 1, 2, 12, 13, 35, 36}, 120, "0:a0+0 10:a2+1 30:a4+1 70:a6+1"},
		{"a trickle slower than the window is told less and less", []float64{0, 11, 22, 33, 44, 55, 66}, 70, "0:a0+0 11:a1+0 31:a2+0 71:a6+3"},
		{"after it was quiet it is new", []float64{0, 21, 41.5}, 60, "0:a0+0 21:a1+0 41.5:a2+0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &taken{begun: time.Now()}
				f := NewFold(to, FoldOptions{})
				for i, at := range c.times {
					time.Sleep(time.Until(to.begun.Add(time.Duration(at * float64(time.Second)))))
					if err := f.Write(refused("a", i)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Until(to.begun.Add(time.Duration(c.until * float64(time.Second)))))
				synctest.Wait()
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				want := strings.ReplaceAll(c.want, "71:", "70:") // Close tells what waits
				if got := to.story(); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		})
	}
}

func TestFoldNeverWaitsLongerThanTheLongestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &taken{begun: time.Now()}
		f := NewFold(to, FoldOptions{Longest: time.Minute})
		for i := range 3600 {
			if err := f.Write(refused("a", i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(to.at); i++ {
			if gap := to.at[i] - to.at[i-1]; gap > time.Minute || gap < 9*time.Second && i < len(to.at)-1 {
				t.Errorf("%s after %s", to.at[i], to.at[i-1])
			}
		}
		if n := len(to.events); n > 65 {
			t.Errorf("%d lines in an hour", n)
		}
	})
}

func TestFoldTellsKindsApart(t *testing.T) {
	base := refused("curl", 1)
	base.TLS = &event.TLS{SNI: "payments.shop"}
	pod := func(e *event.Event, k event.K8s) { e.Server.K8s = &k }
	for _, c := range []struct {
		name   string
		change func(*event.Event)
		same   bool
	}{
		{"the client's port", func(e *event.Event) { e.Client.Port++ }, true},
		{"the client's pid", func(e *event.Event) { e.Client.Process = &event.Process{PID: 7, Comm: "curl"} }, true},
		{"the client's address, of a program that is known", func(e *event.Event) { e.Client.Addr = netip.MustParseAddr("10.1.1.1") }, true},
		{"time, summary, phase", func(e *event.Event) { e.Verdict.Summary, e.Verdict.Phase, e.Time = "x", "finished", time.Unix(9, 0) }, true},
		{"the reason", func(e *event.Event) { e.Verdict.Reason = event.SelfSigned }, false},
		{"the outcome", func(e *event.Event) { e.Outcome = event.Undecided }, false},
		{"who gave up", func(e *event.Event) { e.Verdict.GaveUp = event.Server }, false},
		{"the server's port", func(e *event.Event) { e.Server.Port++ }, false},
		{"the server's address", func(e *event.Event) { e.Server.Addr = netip.MustParseAddr("10.0.0.2") }, false},
		{"the same address, spelled as IPv6", func(e *event.Event) { e.Server.Addr = netip.MustParseAddr("::ffff:10.0.0.1") }, true},
		{"the program", func(e *event.Event) { e.Client.Process = &event.Process{Comm: "wget"} }, false},
		{"a program that calls itself as a workload", func(e *event.Event) { pod(e, event.K8s{Workload: "curl"}) }, false},
		{"the name that our client asked for", func(e *event.Event) { e.TLS = &event.TLS{SNI: "cart.shop"} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := base
			c.change(&changed)
			if same := kindOf(&base) == kindOf(&changed); same != c.same {
				t.Errorf("the same kind: %v, want %v\n%+v\n%+v", same, c.same, kindOf(&base), kindOf(&changed))
			}
		})
	}
}

func TestFoldNamesEndsByWhatStays(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.9")
	for _, c := range []struct {
		name, want string
		end        event.Endpoint
	}{
		{"a workload, not its pod", "wshop/payments", event.Endpoint{Addr: addr, K8s: &event.K8s{Namespace: "shop", Pod: "payments-1", Workload: "payments"}}},
		{"a pod of its own", "pkube-system/etcd", event.Endpoint{Addr: addr, K8s: &event.K8s{Namespace: "kube-system", Pod: "etcd"}}},
		{"a service", "sshop/payments", event.Endpoint{Addr: addr, K8s: &event.K8s{Namespace: "shop", Service: "payments"}}},
		{"a program by its file", "x/usr/bin/curl", event.Endpoint{Addr: addr, Process: &event.Process{Comm: "worker-7", Exe: "/usr/bin/curl"}}},
		{"a program by its name", "xcurl", event.Endpoint{Addr: addr, Process: &event.Process{Comm: "curl"}}},
		{"a process without a name on a node", "a10.0.0.9", event.Endpoint{Addr: addr, Process: &event.Process{PID: 1}, K8s: &event.K8s{Node: "n1"}}},
		{"a long name", "x" + strings.Repeat("y", 255), event.Endpoint{Process: &event.Process{Exe: strings.Repeat("y", 64<<10)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := who(&c.end); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAStrangersNamesMakeNoKinds(t *testing.T) {
	a, b := refused("nginx", 1), refused("nginx", 2)
	a.ObservedFrom, b.ObservedFrom = event.FromServer, event.FromServer
	a.TLS, b.TLS = &event.TLS{SNI: "a.example"}, &event.TLS{SNI: "b.example"}
	if kindOf(&a) != kindOf(&b) {
		t.Error("whoever sends random names fills the room for kinds")
	}
}

// TestFoldConserves writes events of random kinds at random times: every event that came is written, folded into one that is, waits, or
// is counted as shed; and none that is new is kept back while there is room.
func TestFoldConserves(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			to := &taken{begun: time.Now()}
			options := FoldOptions{Kinds: 1 + random.IntN(40), Rate: random.Float64(), Burst: 1 + random.IntN(5)}
			f := NewFold(to, options)
			known := map[string]bool{}
			var in uint64
			for n := range 800 {
				time.Sleep(time.Duration(random.ExpFloat64() * float64(time.Second)))
				synctest.Wait()
				e := refused(fmt.Sprint("kind", random.IntN(60), "-"), n)
				if random.IntN(10) == 0 {
					e.Repeated = random.IntN(50) - 5
				}
				if random.IntN(5) == 0 {
					e.Outcome, e.Verdict.Reason = event.Noise, event.Probe
				}
				in += times(e.Repeated)
				comm, room := fmt.Sprint(e.Outcome, e.Client.Process.Comm), f.Stats().Kinds < options.Kinds
				if err := f.Write(e); err != nil {
					t.Fatal(err)
				}
				if e.Outcome == event.Failed && room && !known[comm] && to.last() != e.ID {
					t.Fatalf("seed %d: the first of its kind was kept back: %s", seed, e.ID)
				}
				known[comm] = true
				checkFold(t, f, to, in, options)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if s := f.Stats(); s.Waiting != 0 || s.Kinds != 0 {
				t.Errorf("seed %d: %+v after Close", seed, s)
			}
			checkFold(t, f, to, in, options)
		})
	}
}

func checkFold(t *testing.T, f *Fold, to *taken, in uint64, o FoldOptions) {
	t.Helper()
	to.Lock()
	defer to.Unlock()
	var out, repeats uint64
	for _, e := range to.events {
		out += times(e.Repeated)
		repeats += times(e.Repeated) - 1
	}
	s := f.Stats()
	if s.In != in || out+s.Waiting+s.Shed != in || s.Written != uint64(len(to.events)) || s.Folded != repeats {
		t.Fatalf("%d came, %d were written in %d lines: %+v", in, out, len(to.events), s)
	}
	if s.Kinds > o.Kinds {
		t.Fatalf("%d kinds of at most %d", s.Kinds, o.Kinds)
	}
}

func TestFoldForgetsKindsThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFold(&taken{}, FoldOptions{})
		for i := range 100 {
			if err := f.Write(refused(fmt.Sprint("program", i), 0)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2*DefaultFoldWindow + time.Second)
		synctest.Wait()
		if n := f.Stats().Kinds; n != 0 {
			t.Errorf("%d kinds are kept", n)
		}
	})
}

func TestFoldShedsPerReasonWhenThereAreTooManyKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &taken{}
		f := NewFold(to, FoldOptions{Kinds: 100, Rate: 1, Burst: 5})
		for i := range 300 {
			if err := f.Write(refused(fmt.Sprint("program", i), 0)); err != nil {
				t.Fatal(err)
			}
		}
		rare := refused("rare", 0)
		rare.Verdict.Reason = event.CertificateExpired
		if err := f.Write(rare); err != nil {
			t.Fatal(err)
		}
		if s := f.Stats(); s.Kinds != 100 || s.Shed != 195 || s.Written != 106 {
			t.Errorf("%+v", s)
		}
		if to.last() != rare.ID {
			t.Error("a rare reason was shed because of a common one")
		}
		time.Sleep(time.Second) // one more of the common reason may pass
		for i := range 2 {
			if err := f.Write(refused(fmt.Sprint("late", i), 0)); err != nil {
				t.Fatal(err)
			}
		}
		if s := f.Stats(); s.Shed != 196 || s.Written != 107 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSuccessesHideNoNewFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &taken{}
		f := NewFold(to, FoldOptions{Kinds: 100, Burst: 1})
		for i := range 200 {
			e := refused(fmt.Sprint("program", i), 0)
			e.Outcome, e.Verdict = event.Succeeded, event.Verdict{}
			if err := f.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 50 {
			e := refused(fmt.Sprint("program", i), 1)
			if err := f.Write(e); err != nil {
				t.Fatal(err)
			}
			if to.last() != e.ID {
				t.Fatalf("failure %d was kept back", i)
			}
		}
	})
}

func TestFoldPassesErrorsOn(t *testing.T) {
	gone := errors.New("broken pipe")
	synctest.Test(t, func(t *testing.T) {
		to := &taken{err: gone}
		f := NewFold(to, FoldOptions{})
		if err := f.Write(refused("a", 0)); !errors.Is(err, gone) {
			t.Errorf("the first: %v", err)
		}
		if err := f.Write(refused("a", 1)); err != nil {
			t.Errorf("a repeat that waits: %v", err)
		}
		time.Sleep(DefaultFoldWindow + time.Second)
		synctest.Wait()
		if err := f.Write(refused("a", 2)); !errors.Is(err, gone) {
			t.Errorf("after the window: %v", err)
		}
		if err := f.Close(); !errors.Is(err, gone) {
			t.Errorf("Close: %v", err)
		}
		if err := f.Write(refused("a", 3)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := f.Close(); err != nil || to.closed != 1 {
			t.Errorf("a second Close: %v, %d times", err, to.closed)
		}
	})
}

// sum adds up, without a lock.
type sum struct{ lines, events uint64 }

func (s *sum) Write(e event.Event) error {
	s.lines++
	s.events += times(e.Repeated)
	return nil
}

func (s *sum) Close() error { return nil }

// TestFoldForManyGoroutines also has windows end while they write.
func TestFoldForManyGoroutines(t *testing.T) {
	to := &sum{}
	f := NewFold(to, FoldOptions{Window: time.Millisecond, Longest: 4 * time.Millisecond, Kinds: 30, Burst: 1})
	const writers, each = 8, 2000
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := f.Write(refused(fmt.Sprint("kind", (w+i)%50), i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if s := f.Stats(); s.In != writers*each || to.events+s.Shed != s.In || to.lines != s.Written || s.Waiting != 0 {
		t.Errorf("%d events in %d lines: %+v", to.events, to.lines, s)
	}
}

// TestSummaryOfFoldedEvents has the same figures as that of the events themselves.
func TestSummaryOfFoldedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var whole, folded strings.Builder
		summary := NewSummary(&whole, screenOf(80))
		f := NewFold(NewSummary(&folded, screenOf(80)), FoldOptions{})
		for i := range 500 {
			e := refused([]string{"curl", "wget"}[i%2], i)
			e.Client.Addr, e.Time = netip.MustParseAddr("10.0.0.7"), time.Now()
			for _, s := range []Sink{summary, f} {
				if err := s.Write(e); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		for _, s := range []Sink{summary, f} {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(whole.String(), "500 failed handshakes") || whole.String() != folded.String() {
			t.Errorf("of all:\n%s\nfolded:\n%s", whole.String(), folded.String())
		}
	})
}

func TestCrowdsAreAClosedSet(t *testing.T) {
	seen := map[crowd]bool{}
	for i := range 1000 {
		e := event.Event{Outcome: event.Outcome(fmt.Sprint("o", i)), Verdict: event.Verdict{Reason: event.Reason(fmt.Sprint("r", i))}}
		seen[crowdOf(&e)] = true
	}
	for _, r := range event.Reasons() {
		e := event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: r}}
		seen[crowdOf(&e)] = true
	}
	if want := len(event.Reasons()) + 1; len(seen) != want {
		t.Errorf("%d of them, want %d: one for each reason, one for all that is none", len(seen), want)
	}
}
