package stream

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
)

// numbered is an event that a test can recognise: its id is n, and it happened n seconds after noon.
func numbered(n int) event.Event {
	return event.Event{
		Schema: event.Schema, ID: fmt.Sprint(n), Time: noon.Add(time.Duration(n) * time.Second), Outcome: event.Failed,
		ObservedFrom: event.FromClient, Verdict: event.Verdict{Reason: event.UnknownCA, Layer: event.LayerCertificate},
	}
}

// agent is the part of one that serves events: a real history, hub and server.
type agent struct {
	t       testing.TB
	history *history.History
	hub     *Hub
	server  *httptest.Server
}

func serve(t testing.TB, ho history.Options, o Options) *agent {
	t.Helper()
	if ho.Now == nil {
		ho.Now = func() time.Time { return noon }
	}
	if o.Now == nil {
		o.Now = func() time.Time { return noon.Add(time.Hour) }
	}
	h, err := history.Open(ho)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, history: h, hub: NewHub(o)}
	a.server = httptest.NewServer(a.hub.Handler(h))
	t.Cleanup(func() {
		_ = a.hub.Close()
		a.server.CloseClientConnections()
		a.server.Close()
		_ = h.Close()
	})
	return a
}

func (a *agent) write(from, to int) {
	a.t.Helper()
	for n := from; n < to; n++ {
		if err := a.history.Write(numbered(n)); err != nil {
			a.t.Fatal(err)
		}
	}
}

// ask sends a request with headers as key, value, key, value.
func (a *agent) ask(query string, headers ...string) *http.Response {
	a.t.Helper()
	r, err := http.NewRequest(http.MethodGet, a.server.URL+Path+"?"+query, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// all reads an answer to its end.
func (a *agent) all(query string, headers ...string) string {
	a.t.Helper()
	raw, err := io.ReadAll(a.ask(query, headers...).Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(raw)
}

// idsOf are the ids of the events among JSON lines, in one line.
func idsOf(t testing.TB, lines string) string {
	t.Helper()
	var ids []string
	for e, err := range sink.ReadJSON(strings.NewReader(lines), "answer") {
		if err != nil {
			t.Error(err)
		}
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestThePast(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	a.write(0, 5)
	other := numbered(5)
	other.Outcome, other.Verdict = event.Noise, event.Verdict{Reason: event.Probe, Layer: event.LayerNoise}
	if err := a.history.Write(other); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                           "0 1 2 3 4",
		"follow=false":               "0 1 2 3 4",
		"since=2026-01-31T12:00:03Z": "3 4",
		"since=59m57s":               "3 4",
		"since=1s":                   "",
		"all":                        "0 1 2 3 4 5",
		"reason=probe":               "5",
		"layer=peer":                 "",
	} {
		answer := a.ask(query)
		raw, err := io.ReadAll(answer.Body)
		if got := idsOf(t, string(raw)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", query, got, err, want)
		}
		if got := answer.Header.Get("Content-Type"); got != typeLines {
			t.Errorf("%s: a %s", query, got)
		}
	}
}

func TestServerSentEvents(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	start := a.history.Last()
	a.write(0, 2)
	e := numbered(1)
	want := fmt.Sprintf("id: %d\n\nid: %d\ndata: %s\n\nevent: notice\ndata: %s\n\n", start+1, start+2, sink.AppendJSON(nil, &e),
		`{"schema":"tlstrace.notice/v1","notice":"end","text":"everything that is kept was sent"}`)
	if got := a.all("follow=false", "Accept", typeEvents, "Last-Event-ID", fmt.Sprint(start+1)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	for _, c := range []struct {
		name, query string
		headers     []string
		status      int
		why         string
	}{
		{"unknown key", "reasno=unknown_ca", nil, 400, `did you mean "reason"?`},
		{"unknown key near follow", "folow=true", nil, 400, `did you mean "follow"?`},
		{"broken query", "a=%zz", nil, 400, "cannot be read"},
		{"semicolon", "all;pid=1", nil, 400, "cannot be read"},
		{"bad form", "", []string{"Accept", "image/png"}, 406, "Accept"},
		{"bad number", "", []string{"Last-Event-ID", "one"}, 400, "Last-Event-ID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := a.ask(c.query, c.headers...)
			var p problem
			if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != c.status || !strings.Contains(p.Error, c.why) || p.Hint == "" {
				t.Errorf("%d %+v", answer.StatusCode, p)
			}
		})
	}
	answer, err := http.Post(a.server.URL+Path, "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET" {
		t.Errorf("POST: %d", answer.StatusCode)
	}
}

func TestAMiddlewareThatHidesDeadlinesIsTold(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	answer := httptest.NewRecorder() // has none
	a.hub.Handler(a.history).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, Path, nil))
	if answer.Code != http.StatusInternalServerError || !strings.Contains(answer.Body.String(), "Unwrap") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestTooManyReaders(t *testing.T) {
	a := serve(t, history.Options{}, Options{Readers: 2})
	first := a.ask("follow=true")
	a.ask("follow=true")
	answer := a.ask("follow=true")
	raw, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(string(raw), "2 readers") {
		t.Errorf("%d %s", answer.StatusCode, raw)
	}
	first.Body.Close()
	eventually(t, "a place is free", func() bool { return a.hub.Stats().Readers == 1 })
	if got := a.ask("follow=true").StatusCode; got != http.StatusOK {
		t.Errorf("then: %d", got)
	}
	if s := a.hub.Stats(); s.Refused != 1 || s.Opened != 3 {
		t.Errorf("got %+v", s)
	}
}

// Readers who come at any time get everything from then on, once.
func TestPastAndLiveJoinWithoutGapOrDuplicate(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	const events, readers = 3000, 12
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			eventually(t, "it is time to come", func() bool { return a.history.Stats().Events >= i*events/readers })
			answer := a.ask("since=24h&follow=true")
			next := 0
			for e, err := range sink.ReadJSON(answer.Body, "answer") {
				if err != nil || e.ID != fmt.Sprint(next) {
					t.Errorf("reader %d: %s after %d, %v", i, e.ID, next-1, err)
					return
				}
				if next++; next == events {
					return
				}
			}
			t.Errorf("reader %d: the stream ended after %d", i, next)
		})
	}
	a.write(0, events)
	all.Wait()
}

func TestASlowReaderIsDroppedWithANotice(t *testing.T) {
	a := serve(t, history.Options{Events: 100}, Options{WriteTimeout: time.Minute})
	answer := a.ask("follow=true")
	long := strings.Repeat("x", 64<<10)
	for n := range 2000 { // 128 MB: more than sockets hold
		e := numbered(n)
		e.Verdict.Hint = long
		if err := a.history.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	var last []byte
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = append(last[:0], lines.Bytes()...)
	}
	var n Notice
	if err := json.Unmarshal(last, &n); err != nil || n.Kind != NoticeSlow || n.Missed == 0 || n.Schema != NoticeSchema {
		t.Errorf("the last line is %.200s, %v", last, err)
	}
	if s := a.hub.Stats(); s.Slow != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestAReaderWhoTakesNothingIsDropped(t *testing.T) {
	a := serve(t, history.Options{Events: 100_000, Bytes: 1 << 40}, Options{WriteTimeout: 20 * time.Millisecond})
	a.ask("follow=true") // and never reads
	e := numbered(0)
	e.Verdict.Hint = strings.Repeat("x", 256<<10)
	for n := 0; a.hub.Stats().Stuck == 0; n++ {
		if n > 1000 {
			time.Sleep(10 * time.Millisecond)
		}
		if n > 4000 {
			t.Fatal("it never is")
		}
		if err := a.history.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "its place is free", func() bool { return a.hub.Stats().Readers == 0 })
}

func TestHeartbeats(t *testing.T) {
	a := serve(t, history.Options{}, Options{Heartbeat: 5 * time.Millisecond})
	start := a.history.Last()
	lines := bufio.NewReader(a.ask("follow=true").Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	// Events that the filter leaves out move the number on, so that to resume costs nothing.
	sse := bufio.NewReader(a.ask("follow=true&reason=probe", "Accept", typeEvents).Body)
	a.write(0, 3)
	for seen := ""; seen != fmt.Sprintf("id: %d\n", start+3); {
		line, err := sse.ReadString('\n')
		if err != nil || line != "\n" && line != ":\n" && !strings.HasPrefix(line, "id: ") {
			t.Fatalf("%q, %v", line, err)
		}
		seen = line
	}
}

func TestAnAgentThatStopsSendsTheRestAndSaysSo(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	answer := a.ask("follow=true")
	a.write(0, 1000)
	if err := a.hub.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), `"schema":"tlstrace.event/v1"`); n != 1000 {
		t.Errorf("%d events", n)
	}
	if !strings.HasSuffix(string(raw), `"notice":"stopping","text":"the agent is stopping"}`+"\n") {
		t.Errorf("ends in %s", raw[max(0, len(raw)-100):])
	}
	if got := a.ask("").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("who comes later gets %d", got)
	}
}

func TestResumeSaysWhatIsMissing(t *testing.T) {
	a := serve(t, history.Options{Events: 10}, Options{})
	start := a.history.Last()
	a.write(0, 30)
	for _, c := range []struct {
		seen   uint64
		first  string
		missed string
	}{
		{start + 25, "25", ""},
		{start + 20, "20", ""},
		{start + 15, "20", `"missed":5`},
		{start - 1000, "20", `"missed":20`},
		{start + 31, "20", `"missed":20`},
	} {
		got := a.all("", "Last-Event-ID", strconv.FormatUint(c.seen, 10))
		head, rest, _ := strings.Cut(got, "\n")
		gap := strings.Contains(head, `"notice":"gap"`)
		if !gap {
			rest = got
		}
		if ids := idsOf(t, rest); gap != (c.missed != "") || !strings.Contains(head, c.missed) || !strings.HasPrefix(ids, c.first+" ") || !strings.HasSuffix(ids, " 29") {
			t.Errorf("seen %d: %s ... %s", c.seen-start, head, ids)
		}
	}
}

func TestHostileStringsBreakNoLine(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	hostile := numbered(0)
	hostile.TLS = &event.TLS{SNI: "a\nid: 1\r\ndata: {}\n\n\x1b[2J\"\\\u2028\x00" + strings.Repeat("\u202e", 64<<10), ALPN: "\xff"}
	hostile.Client.Process = &event.Process{Comm: "\n\nevent: notice"}
	hostile.Client.K8s = &event.K8s{Pod: "x\r\ry"}
	if err := a.history.Write(hostile); err != nil {
		t.Fatal(err)
	}
	a.write(1, 2)
	for form, lines := range map[string]int{typeLines: 2, typeEvents: 2 + 3 + 3 + 3} {
		got := a.all("follow=false", "Accept", form)
		if n := strings.Count(got, "\n"); n != lines || strings.ContainsAny(got, "\x1b\x00\r\u202e\u2028") {
			t.Errorf("%s: %d lines: %.300q", form, n, got)
		}
	}
	c := dial(t, a, DialOptions{Past: true})
	e, err := c.Read(t.Context())
	if err != nil || e.TLS.SNI != hostile.TLS.SNI || e.TLS.ALPN != "\ufffd" || e.Client.K8s.Pod != "x\r\ry" {
		t.Errorf("the client read %.100q, %v", e.TLS.SNI, err)
	}
}

// BenchmarkReaders is what an event costs with so many readers who all want it.
func BenchmarkReaders(b *testing.B) {
	for _, readers := range []int{1, 8, 32} {
		b.Run(strconv.Itoa(readers), func(b *testing.B) {
			a := serve(b, history.Options{Events: 1 << 20, Bytes: 1 << 40}, Options{})
			var all sync.WaitGroup
			for range readers {
				answer := a.ask("follow=true")
				all.Go(func() { _, _ = io.Copy(io.Discard, answer.Body) })
			}
			e := numbered(1)
			for b.Loop() {
				_ = a.history.Write(e)
			}
			eventually(b, "all is sent", func() bool { return a.hub.Stats().Events == uint64(readers*b.N) })
			b.StopTimer()
			_ = a.hub.Close()
			all.Wait()
		})
	}
}
