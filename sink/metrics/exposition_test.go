package metrics

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tlstrace/tlstrace/event"
)

// example is an agent that has seen a bit of everything.
func example(t testing.TB) *Metrics {
	t.Helper()
	k := newKernel()
	k.totals = []Total{total(7, 8443, 1204, 3)}
	o := k.options()
	o.Version, o.Commit = "v1.0.0", "0123456789ab"
	s := &o.Sources
	s.Workloads = func() []Workload { return []Workload{{"shop", "payments"}} }
	s.Connections = counts(map[string]uint64{"succeeded": 1204, "ended": 3, "plain": 40, "quiet": 12})
	s.Lost = counts(map[string]uint64{"ring_full": 0, "inflight_full": 2, "stream": 1})
	s.Shed = func() (uint64, error) { return 6210, nil }
	s.Folded = func() uint64 { return 41 }
	s.Hooks = func() []Hook { return []Hook{{"egress", "cgroup_skb", true}, {"reset_sent", "tracepoint", true}} }
	s.Libraries = func() map[Library]int { return map[Library]int{{"openssl", "attached"}: 3, {"go", "refused"}: 1} }
	s.Programs = func() ([]Program, error) { return []Program{{"packet_sent", 51_000, 21 * time.Millisecond}}, nil }
	s.Resets = func() (map[Reset]uint64, error) { return map[Reset]uint64{{"sent", "handshake"}: 2}, nil }
	s.Requests = func() map[Request]uint64 { return map[Request]uint64{{"pods", "ok"}: 12, {"nodes", "forbidden"}: 1} }
	s.Lookups = func() map[string]uint64 { return map[string]uint64{"answered": 300, "asked": 4, "late": 0} }
	m := newMetrics(t, o)
	write(t, m, failed(event.FromServer, event.CertificateExpired), failed(event.FromServer, event.CertificateExpired),
		failed(event.FromClient, event.ConnectionRefused))
	return m
}

func counts(all map[string]uint64) func() (map[string]uint64, error) {
	return func() (map[string]uint64, error) { return all, nil }
}

func TestScrapeText(t *testing.T) {
	m := example(t)
	format, body := scrape(t, m, "text/plain")
	all := decode(t, format, body)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(body)); err != nil {
		t.Error(err)
	}
	for _, name := range names(t, m) {
		if all[name] == nil {
			t.Errorf("no %s in\n%s", name, body)
		}
	}
	if got := all[duration].GetType(); got != dto.MetricType_HISTOGRAM {
		t.Errorf("%s is a %v", duration, got)
	}
}

// names are all metrics there are, by what the collector says of itself.
func names(t testing.TB, m *Metrics) []string {
	t.Helper()
	all, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, f := range all {
		out = append(out, f.GetName())
	}
	described := len(m.catalog.counters()) + 5 // overflow, duration, three gauges
	if len(out) != described {
		t.Errorf("the example has %d of %d metrics: %v", len(out), described, out)
	}
	return out
}

func TestScrapeOpenMetrics(t *testing.T) {
	_, body := scrape(t, example(t), "application/openmetrics-text;version=1.0.0")
	if !bytes.HasSuffix(body, []byte("\n# EOF\n")) {
		t.Fatalf("no end of the exposition:\n%s", body)
	}
	if bytes.Contains(body, []byte("_created")) {
		t.Error("created timestamps as series of their own")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation) // it reads OpenMetrics but for the names of counters
	all, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{failures, handshakes, duration, "tlstrace_build_info"} {
		if all[name] == nil {
			t.Errorf("no %s in\n%s", name, body)
		}
	}
}

func TestScrapeCarriesCreatedTimestamps(t *testing.T) {
	format, body := scrape(t, example(t), acceptProto)
	for name, f := range decode(t, format, body) {
		for _, s := range f.GetMetric() {
			created := s.GetCounter().GetCreatedTimestamp().AsTime().Unix()
			switch {
			case s.Histogram != nil:
				created = s.GetHistogram().GetCreatedTimestamp().AsTime().Unix()
			case s.Counter == nil:
				continue
			}
			if created != 1_700_000_000 {
				t.Errorf("%s %v was created at %d", name, s.GetLabel(), created)
			}
		}
	}
}

func TestAScraperTooManyIsToldToComeBack(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	m := newMetrics(t, Options{Sources: Sources{Folded: func() uint64 {
		asked <- struct{}{}
		<-answer
		return 0
	}}})
	handler := m.Handler()
	get := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Code
	}
	codes := make(chan int)
	for range maxScrapes {
		go func() { codes <- get() }()
	}
	<-asked // one asks the source; the others are in the handler or about to be
	refused := 0
	for range 100 {
		go func() { codes <- get() }()
		if code := <-codes; code == http.StatusServiceUnavailable {
			refused++
		} else {
			t.Errorf("status %d while the source does not answer", code)
		}
	}
	if refused != 100 {
		t.Errorf("%d refused", refused)
	}
	close(answer)
	go func() {
		for range asked {
		}
	}()
	for range maxScrapes {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	close(asked)
}

func TestRunAsksBetweenScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		m := newMetrics(t, Options{Every: 5 * time.Second, Sources: Sources{Folded: func() uint64 { asked++; return 0 }}})
		ctx, cancel := context.WithTimeout(t.Context(), 21*time.Second)
		defer cancel()
		m.Run(ctx)
		if asked != 4 {
			t.Errorf("asked %d times in 21 s", asked)
		}
	})
}

// promtool runs it, from Debian's package prometheus.
func promtool(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("CI") == "true" {
			t.Fatal("no promtool: install Debian's package prometheus")
		}
		t.Skip("no promtool: install Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestPromtoolFindsNothing(t *testing.T) {
	_, body := scrape(t, example(t), "text/plain")
	if out := promtool(t, body, "check", "metrics"); out != "" {
		t.Error(out)
	}
}

// TestPromtoolFirstFailure is what docs/metrics.md says about the first failure of a kind.
func TestPromtoolFirstFailure(t *testing.T) {
	promtool(t, nil, "test", "rules", "testdata/first_failure_test.yaml")
}
