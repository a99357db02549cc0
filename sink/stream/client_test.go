package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
)

func dial(t testing.TB, a *agent, o DialOptions) *Client {
	t.Helper()
	if o.MinRetry == 0 {
		o.MinRetry, o.MaxRetry = time.Millisecond, 5*time.Millisecond
	}
	c, err := Dial(t.Context(), a.server.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// states collects what a client tells.
type states struct {
	mu  sync.Mutex
	all []State
}

func (s *states) told(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, state)
}

func (s *states) find(ok func(State) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.all {
		if ok(state) {
			return true
		}
	}
	return false
}

func is(kind StateKind, err error) func(State) bool {
	return func(s State) bool { return s.Kind == kind && (err == nil || errors.Is(s.Err, err)) }
}

func TestClientReadsThePastToItsEnd(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	a.write(0, 3)
	c := dial(t, a, DialOptions{Past: true, Filter: url.Values{"since": {"2026-01-31T12:00:01Z"}}})
	for n := 1; n < 3; n++ {
		if e, err := c.Read(t.Context()); err != nil || e.ID != fmt.Sprint(n) {
			t.Fatalf("%s, %v", e.ID, err)
		}
	}
	for range 2 {
		if _, err := c.Read(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	}
}

func TestClientFollowsAndEnds(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	a.write(0, 3)
	c := dial(t, a, DialOptions{})
	a.write(3, 4) // only what happens from now on
	if e, err := c.Read(t.Context()); err != nil || e.ID != "3" {
		t.Fatalf("%s, %v", e.ID, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(t.Context()); !errors.Is(err, sink.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	eventually(t, "the hub has no reader", func() bool { return a.hub.Stats().Readers == 0 })
}

// Whatever happens to the connections, each event arrives once and in order.
func TestClientResumesWithoutGapOrDuplicate(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	c := dial(t, a, DialOptions{})
	const bursts, burst = 30, 100
	for n := range bursts * burst {
		if n%burst == 0 {
			go func() {
				for i := range burst {
					if i == burst/2 {
						a.server.CloseClientConnections()
					}
					_ = a.history.Write(numbered(n + i))
				}
			}()
		}
		e, err := c.Read(t.Context())
		if err != nil || e.ID != fmt.Sprint(n) {
			t.Fatalf("%s after %d, %v", e.ID, n-1, err)
		}
	}
	if a.hub.Stats().Opened < bursts/2 {
		t.Errorf("the connection was hardly ever lost: %+v", a.hub.Stats())
	}
}

func TestClientSurvivesAnAgentThatRestarts(t *testing.T) {
	dir := t.TempDir()
	front := &atomic.Pointer[agent]{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := front.Load()
		if a == nil {
			panic(http.ErrAbortHandler) // as a connection that is refused
		}
		a.hub.Handler(a.history).ServeHTTP(w, r)
	}))
	defer server.Close()
	life := 0
	start := func() *agent {
		life++
		a := serve(t, history.Options{Dir: dir, Now: func() time.Time { return noon.Add(time.Duration(life) * time.Hour) }}, Options{})
		front.Store(a)
		return a
	}
	a := start()
	var told states
	c, err := Dial(t.Context(), server.URL, DialOptions{
		MinRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond, Told: told.told, Filter: url.Values{"since": {"1h"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for n := range 30 {
		a.write(n, n+1)
		if n%10 == 9 {
			front.Store(nil)
			_ = a.hub.Close()
			if err := a.history.Close(); err != nil {
				t.Fatal(err)
			}
			a = start()
		}
		e, err := c.Read(t.Context())
		if err != nil || e.ID != fmt.Sprint(n) {
			t.Fatalf("%s after %d, %v", e.ID, n-1, err)
		}
	}
	if !told.find(func(s State) bool { return s.Kind == Noticed && s.Notice.Kind == NoticeStopping }) {
		t.Errorf("was not told that the agent stopped: %+v", told.all)
	}
	if told.find(func(s State) bool { return s.Kind == Noticed && s.Notice.Kind == NoticeGap }) {
		t.Errorf("was told of a gap: %+v", told.all)
	}
}

// answers is a server that is no agent, or a broken or hostile one.
func answers(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func TestAPatientClientWaitsForTheAgent(t *testing.T) {
	var there atomic.Bool
	e := numbered(7)
	address := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		if !there.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", typeEvents)
		fmt.Fprintf(w, "id: 1\ndata: %s\n\n", sink.AppendJSON(nil, &e))
	})
	var told states
	c, err := Dial(t.Context(), address, DialOptions{Patient: true, MinRetry: time.Millisecond, MaxRetry: time.Millisecond, Told: told.told})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "it is told", func() bool {
		return told.find(func(s State) bool { return s.Kind == Disconnected && s.Retry > 0 && s.Err != nil })
	})
	there.Store(true)
	if e, err := c.Read(t.Context()); err != nil || e.ID != "7" {
		t.Errorf("%s, %v", e.ID, err)
	}
	eventually(t, "the end is told", func() bool { return told.find(is(Disconnected, ErrEnded)) })
}

func TestSilenceIsDeath(t *testing.T) {
	address := answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeEvents)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	var told states
	c, err := Dial(t.Context(), address, DialOptions{
		Silence: 20 * time.Millisecond, MinRetry: time.Millisecond, MaxRetry: time.Millisecond, Told: told.told,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "it is told", func() bool { return told.find(is(Disconnected, ErrSilent)) })
}

// A reader who takes its time is not the agent's silence.
func TestASlowReadIsNoSilence(t *testing.T) {
	a := serve(t, history.Options{}, Options{Heartbeat: time.Hour})
	a.write(0, 2)
	var told states
	c := dial(t, a, DialOptions{Past: true, Silence: 250 * time.Millisecond, Told: told.told})
	if _, err := c.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	if e, err := c.Read(t.Context()); err != nil || e.ID != "1" || told.find(is(Disconnected, nil)) {
		t.Errorf("%s, %v, %+v", e.ID, err, told.all)
	}
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	c := &Client{options: DialOptions{MinRetry: 100 * time.Millisecond, MaxRetry: 2 * time.Second}}
	for failures, most := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 4: 1600 * time.Millisecond, 5: 2 * time.Second, 1 << 30: 2 * time.Second,
	} {
		for range 100 {
			if d := c.pause(failures, nil); d < most/2 || d > most {
				t.Errorf("after %d failures: %s", failures, d)
			}
		}
	}
	if d := c.pause(0, &StatusError{RetryAfter: time.Hour}); d != time.Minute {
		t.Errorf("an agent that asks for an hour gets %s", d)
	}
}
