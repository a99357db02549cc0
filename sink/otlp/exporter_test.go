package otlp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/tlstrace/tlstrace/event"
)

func start(t *testing.T, r *receiver, o Options) *Exporter {
	t.Helper()
	if o.Endpoint == "" {
		o.Endpoint = r.server.URL
	}
	if o.Flush == 0 {
		o.Flush = 5 * time.Millisecond
	}
	x, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func sample(t *testing.T, name string) event.Event {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// export exports events and returns what arrived, in its order.
func export(t *testing.T, r *receiver, x *Exporter, events ...event.Event) []*logs.LogRecord {
	t.Helper()
	before := len(r.records())
	for _, e := range events {
		if err := x.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "events arrive", func() bool { return len(r.records()) == before+len(events) })
	return r.records()[before:]
}

func TestEventsBecomeLogs(t *testing.T) {
	r := receive(t)
	x := start(t, r, Options{Headers: map[string]string{"x-tenant": "one"}, Node: "node-1", Kubernetes: true, Version: "1.2.3"})
	e := sample(t, "both_ends")
	record := export(t, r, x, e)[0]
	if record.EventName != EventName || record.SeverityText != "ERROR" || record.SeverityNumber != logs.SeverityNumber_SEVERITY_NUMBER_ERROR {
		t.Errorf("got %s, %s, %s", record.EventName, record.SeverityText, record.SeverityNumber)
	}
	if got := record.Body.GetStringValue(); got != e.Verdict.Summary || got == "" {
		t.Errorf("body %q", got)
	}
	if got := time.Unix(0, int64(record.TimeUnixNano)); !got.Equal(e.Time) {
		t.Errorf("at %s, want %s", got, e.Time)
	}
	got := values(record.Attributes)
	want := map[string]any{
		"client.address": e.Client.Addr.String(), "client.port": int64(e.Client.Port), "server.address": e.Server.Addr.String(),
		"server.port": int64(e.Server.Port), "network.transport": "tcp", "network.type": "ipv4", "error.type": string(e.Verdict.Reason),
		"tls.client.server_name": e.TLS.SNI, "tls.protocol.name": "tls", "tls.protocol.version": "1.3", "tls.established": false,
		"tlstrace.reason": string(e.Verdict.Reason), "tlstrace.layer": string(e.Verdict.Layer), "tlstrace.look_at": string(e.Verdict.LookAt),
		"tlstrace.id": e.ID, "tlstrace.library.name": e.Library.Name, "process.pid": int64(e.Client.Process.PID),
		"tlstrace.tls.offered_versions": e.TLS.OfferedVersions,
	}
	for key, v := range want {
		if diff := cmp.Diff(v, got[key]); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if record.DroppedAttributesCount != 0 {
		t.Errorf("%d attributes were dropped", record.DroppedAttributesCount)
	}
	resource := map[string]any{
		"service.name": "tlstrace", "service.version": "1.2.3", "service.instance.id": "node-1", "host.name": "node-1", "k8s.node.name": "node-1",
	}
	if diff := cmp.Diff(resource, values(r.logs[0].Resource.Attributes)); diff != "" {
		t.Error(diff)
	}
	if r.headers.Get("X-Tenant") != "one" {
		t.Errorf("headers %v", r.headers)
	}
}

// Every sample arrives, and nothing that is empty is said of any.
func TestEverySample(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	r := receive(t)
	x := start(t, r, Options{})
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		e := sample(t, name)
		record := export(t, r, x, e)[0]
		for key, v := range values(record.Attributes) {
			if v == "" || v == nil || !strings.Contains(key, ".") {
				t.Errorf("%s: %s is %v", name, key, v)
			}
		}
		if record.Body.GetStringValue() == "" {
			t.Errorf("%s: no body", name)
		}
	}
}

func TestPodsOfTheObservedEnd(t *testing.T) {
	e := event.Event{Outcome: event.Succeeded, Client: event.Endpoint{K8s: &event.K8s{Namespace: "shop", Pod: "a"}}, Server: event.Endpoint{
		K8s: &event.K8s{Namespace: "pay", Pod: "b", Workload: "pay"},
	}}
	r := receive(t)
	x := start(t, r, Options{})
	for from, want := range map[event.Vantage]any{event.FromClient: "a", event.FromBoth: "a", event.FromServer: "b", event.FromLog: nil} {
		e.ObservedFrom = from
		record := export(t, r, x, e)[0]
		got := values(record.Attributes)
		if got["k8s.pod.name"] != want || got["tlstrace.client.k8s.pod"] != "a" || got["tlstrace.server.k8s.workload"] != "pay" {
			t.Errorf("%s: %v", from, got)
		}
		if record.SeverityText != "INFO" || record.Body.GetStringValue() != "TLS handshake succeeded" {
			t.Errorf("%s %s", record.SeverityText, record.Body)
		}
	}
}

func TestHostileStrings(t *testing.T) {
	e := event.Event{
		Outcome: event.Failed, ID: "\xff\xfe", Verdict: event.Verdict{Summary: "\x1b[2J\n\"" + strings.Repeat("\u202e", 64<<10), Hint: "\xc3\x28"},
		TLS: &event.TLS{SNI: strings.Repeat("\xff", 64<<10), OfferedALPN: []string{"\x00", "a\nb"}, OfferedCiphers: make([]string, 10_000)},
		Client: event.Endpoint{
			Process: &event.Process{Comm: "\x1b]0;x\a"}, K8s: &event.K8s{Pod: "x\r\ny", Namespace: "\u2028"},
		},
	}
	r := receive(t)
	record := export(t, r, start(t, r, Options{}), e)[0]
	texts := []string{record.Body.GetStringValue()}
	size := 0
	for _, v := range values(record.Attributes) {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case []string:
			texts = append(texts, v...)
		}
	}
	for _, text := range texts {
		size += len(text)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\a\x00\r\n\u202e\u2028") {
			t.Errorf("unsafe: %.80q", text)
		}
	}
	if size > 20_000 {
		t.Errorf("%d bytes", size)
	}
	if got := values(record.Attributes)["tlstrace.client.k8s.pod"]; got != `x\x0d\x0ay` {
		t.Errorf("got %q", got)
	}
}

func TestAReceiverThatHangsBlocksNobody(t *testing.T) {
	r := receive(t)
	r.block()
	x := start(t, r, Options{Queue: 100, Timeout: time.Minute})
	for n := range 10_000 {
		if err := x.Write(event.Event{ID: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	s := x.Stats()
	if s.Waiting != 100 || s.Dropped != 9_900 || s.Exported+s.Failed != 0 {
		t.Errorf("got %+v", s)
	}
	r.release()
	eventually(t, "what was let in is exported", func() bool { return x.Stats().Exported == 100 })
	if n := len(r.records()); n != 100 {
		t.Errorf("%d arrived", n)
	}
}

func TestAReceiverThatRefuses(t *testing.T) {
	r := receive(t)
	r.answer(400) // not to be retried
	var said told
	now := time.Now()
	x := start(t, r, Options{Logger: said.logger(), Now: func() time.Time { return now }})
	for n := range 5 {
		_ = x.Write(event.Event{})
		eventually(t, "it is counted", func() bool { return x.Stats().Failed == uint64(n+1) })
	}
	if text := said.String(); strings.Count(text, "exports fail") != 1 || !strings.Contains(text, "400") {
		t.Errorf("told:\n%s", text)
	}
	r.answer(0)
	export(t, r, x, event.Event{})
	eventually(t, "recovery is told", func() bool { return strings.Contains(said.String(), "succeed again") })
	if s := x.Stats(); s.Exported != 1 || s.Failed != 5 || s.Waiting != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestNobodyListens(t *testing.T) {
	r := receive(t)
	address := r.server.URL
	r.server.Close()
	var said told
	x, err := New(t.Context(), Options{Endpoint: address, Timeout: 50 * time.Millisecond, Flush: time.Millisecond, Logger: said.logger()})
	if err != nil {
		t.Fatal(err)
	}
	_ = x.Write(event.Event{})
	eventually(t, "it is counted", func() bool { return x.Stats().Failed == 1 })
	if err := x.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	_ = x.Write(event.Event{})
	if s := x.Stats(); s.Dropped != 1 || s.Waiting != 0 {
		t.Errorf("after Close: %+v", s)
	}
	if n := strings.Count(said.String(), "\n"); n != 1 {
		t.Errorf("told:\n%s", &said)
	}
}

// Each attempt to reach a receiver that is gone fails, and a tracer sees it: to export that would go on for ever.
func TestOwnConnectionsAreNotExported(t *testing.T) {
	name := filepath.Base(os.Args[0])
	r := receive(t)
	x := start(t, r, Options{})
	from := func(pid int, comm string) event.Event {
		return event.Event{ID: comm, Client: event.Endpoint{Process: &event.Process{PID: pid, Comm: comm}}}
	}
	_ = x.Write(from(os.Getpid(), name[:min(len(name), 15)]))
	records := export(t, r, x, from(os.Getpid(), "other"), from(os.Getpid()+1, name), event.Event{ID: "nobody's"})
	if s := x.Stats(); s.Own != 1 || len(records) != 3 {
		t.Errorf("%d records, %+v", len(records), s)
	}
}

func TestCloseExportsTheRest(t *testing.T) {
	r := receive(t)
	x := start(t, r, Options{Flush: time.Hour})
	for range 1000 {
		_ = x.Write(event.Event{})
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.records()); n != 1000 || x.Stats().Exported != 1000 {
		t.Errorf("%d arrived, %+v", n, x.Stats())
	}
	if err := x.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
}

func registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tlstrace_handshake_failures_total", Help: "x"}, []string{"reason"})
	failures.WithLabelValues("unknown_ca").Add(3)
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "tlstrace_handshake_duration_seconds", Buckets: []float64{0.1, 1}, NativeHistogramBucketFactor: 1.1,
	})
	seconds.Observe(0.5)
	r.MustRegister(failures, seconds)
	return r
}

func TestMetrics(t *testing.T) {
	r := receive(t)
	x := start(t, r, Options{Gatherer: registry(), Interval: 5 * time.Millisecond, Node: "n"})
	eventually(t, "metrics arrive", func() bool { return x.Stats().Scrapes > 1 })
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string]float64{}
	for _, scope := range r.metrics[0].ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum := m.GetSum(); sum != nil {
				found[m.Name] = sum.DataPoints[0].GetAsDouble()
				if got := values(sum.DataPoints[0].Attributes)["reason"]; got != "unknown_ca" {
					t.Errorf("reason %v", got)
				}
			}
			if h := m.GetExponentialHistogram(); h != nil {
				found[m.Name] = h.DataPoints[0].GetSum()
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"tlstrace_handshake_failures_total": 3, "tlstrace_handshake_duration_seconds": 0.5}, found); diff != "" {
		t.Error(diff)
	}
	if got := values(r.metrics[0].Resource.Attributes)["service.instance.id"]; got != "n" {
		t.Errorf("of %v", got)
	}
}

// halfBroken is a gatherer of which a part fails, as one does whose collector cannot read something.
type halfBroken struct{ prometheus.Gatherer }

func (b halfBroken) Gather() ([]*dto.MetricFamily, error) {
	all, _ := b.Gatherer.Gather()
	return all, errors.New("one collector\nfailed")
}

func TestMetricsThatFail(t *testing.T) {
	r := receive(t)
	var said told
	now := time.Now()
	x := start(t, r, Options{
		Gatherer: halfBroken{registry()}, Interval: time.Millisecond, Logger: said.logger(), Now: func() time.Time { return now },
	})
	eventually(t, "what there is arrives", func() bool { return x.Stats().Scrapes > 3 })
	r.answer(400)
	eventually(t, "refusals are counted", func() bool { return x.Stats().ScrapesFailed > 3 })
	if x.Stats().GatherErrors < 6 {
		t.Errorf("got %+v", x.Stats())
	}
	if text := said.String(); strings.Count(text, "what=\"gathering metrics\"") != 1 || strings.Count(text, "what=metrics") != 1 {
		t.Errorf("told:\n%s", text)
	}
}

func TestTroubleIsToldAtABoundedRate(t *testing.T) {
	var said told
	now := time.Unix(0, 0)
	about := trouble{log: said.logger(), now: func() time.Time { return now }}
	for range 150 {
		about.outcome("events", context.DeadlineExceeded)
		now = now.Add(time.Second)
	}
	if n := strings.Count(said.String(), "exports fail"); n != 3 {
		t.Errorf("told %d times in 150 s", n)
	}
	now = now.Add(-24 * time.Hour) // the clock was set
	about.outcome("events", context.DeadlineExceeded)
	if n := strings.Count(said.String(), "exports fail"); n != 4 {
		t.Errorf("told %d times", n)
	}
	about.outcome("events", nil)
	about.outcome("events", nil)
	if n := strings.Count(said.String(), "succeed again"); n != 1 || !strings.Contains(said.String(), "failed=151") {
		t.Errorf("told:\n%s", &said)
	}
}

func TestEndpoint(t *testing.T) {
	for text, want := range map[string]string{
		"collector:4318":            "https://collector:4318",
		"http://collector:4318":     "http://collector:4318",
		"https://otlp.example/base": "https://otlp.example/base",
	} {
		if u, err := endpoint(text, false); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
	if u, err := endpoint("collector:4318", true); err != nil || u.Scheme != "http" {
		t.Errorf("%v, %v", u, err)
	}
	for _, text := range []string{"", "ftp://x", "http://u:secret@x", "http://x?y", "http://\x7f"} {
		if _, err := New(t.Context(), Options{Endpoint: text}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
