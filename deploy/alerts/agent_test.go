package alerts

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink/metrics"
)

// The workloads of the agent that the tests scrape.
var (
	checkout = &event.K8s{Namespace: "shop", Pod: "checkout-5c6f9d7b44-q8w2n", Workload: "checkout"}
	payments = &event.K8s{Namespace: "shop", Pod: "payments-7d9f8c6b5-x2x4z", Workload: "payments"}
)

// agent serves the metrics of a real registry, for which something happens at each scrape: payments refuses a third of those who
// come, connects fail, half of what checkout begins is redirected to nowhere, and everything that an agent counts grows.
type agent struct {
	metrics *metrics.Metrics
	scrapes atomic.Uint64
}

// startAgent serves it on loopback until the test ends.
func startAgent(t *testing.T) *httptest.Server {
	t.Helper()
	a := &agent{}
	m, err := metrics.New(metrics.Options{Version: "v1.0.0", Commit: "0123456789ab", Sources: a.sources()})
	if err != nil {
		t.Fatal(err)
	}
	a.metrics = m
	a.addOwn()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.scrapes.Add(1)
		if err := a.happen(); err != nil {
			t.Error(err)
		}
		m.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(served.Close)
	return served
}

// happen tells of ten failures each.
func (a *agent) happen() error {
	for _, e := range []event.Event{
		failed(event.FromServer, event.CertificateExpired),
		failed(event.FromServer, event.ResetByServer),
		failed(event.FromClient, event.RedirectRefused),
		failed(event.FromClient, event.ConnectionRefused),
		{Outcome: event.Noise, ObservedFrom: event.FromServer},
	} {
		e.Repeated = 9
		if err := a.metrics.Write(e); err != nil {
			return err
		}
	}
	return nil
}

func failed(from event.Vantage, r event.Reason) event.Event {
	return event.Event{
		Outcome: event.Failed, ObservedFrom: from, Verdict: event.Verdict{Reason: r, Layer: r.Layer()},
		Client: event.Endpoint{K8s: checkout}, Server: event.Endpoint{K8s: payments},
	}
}

// sources count by scrapes.
func (a *agent) sources() metrics.Sources {
	n := a.scrapes.Load
	counts := func(names ...string) func() (map[string]uint64, error) {
		return func() (map[string]uint64, error) {
			all := map[string]uint64{}
			for _, name := range names {
				all[name] = n()
			}
			return all, nil
		}
	}
	lookups := counts("answered", "asked", "late")
	return metrics.Sources{
		Totals: a.totals,
		Name:   func(cgroup uint64) (string, string) { return "shop", []string{"checkout", "payments"}[cgroup] },
		Workloads: func() []metrics.Workload {
			return []metrics.Workload{{Namespace: "shop", Name: "checkout"}, {Namespace: "shop", Name: "payments"}}
		},
		Connections: counts("succeeded", "ended", "plain", "quiet"),
		Lost:        counts("ring_full", "stream"),
		Folded:      n,
		Hooks: func() []metrics.Hook {
			return []metrics.Hook{{Name: "egress", Variant: "cgroup_skb", Attached: true}, {Name: "ingress"}}
		},
		Libraries: func() map[metrics.Library]int {
			return map[metrics.Library]int{{Family: "openssl", State: "attached"}: 3}
		},
		Programs: func() ([]metrics.Program, error) {
			return []metrics.Program{{Name: "packet_sent", Runs: 1000 * n(), RunTime: time.Duration(n()) * time.Millisecond}}, nil
		},
		Resets: func() (map[metrics.Reset]uint64, error) {
			return map[metrics.Reset]uint64{{Direction: "sent", Phase: "handshake"}: 10 * n(), {Direction: "received", Phase: "other"}: n()}, nil
		},
		Requests: func() map[metrics.Request]uint64 {
			return map[metrics.Request]uint64{{Kind: "nodes", Result: "forbidden"}: n()}
		},
		Lookups: func() map[string]uint64 { all, _ := lookups(); return all },
	}
}

// totals are the kernel's counts: for each scrape forty handshakes that payments and ten that checkout succeeds in.
func (a *agent) totals() ([]metrics.Total, error) {
	n := a.scrapes.Load()
	client := metrics.Total{Cgroup: 0, Role: event.Client, Port: 8443, Succeeded: 10 * n, Ended: n}
	server := metrics.Total{Cgroup: 1, Role: event.Server, Port: 8443, Succeeded: 40 * n, Ended: 20 * n}
	server.Latency.Buckets[11], server.Latency.Buckets[17] = 38*n, 2*n // at most 2 ms, and 125 ms
	server.Latency.Sum = 0.3 * float64(n)
	return []metrics.Total{client, server}, nil
}

// addOwn adds what cmd/tlstrace counts beside the package metrics (docs/agent.md).
func (a *agent) addOwn() {
	for _, g := range []struct {
		name  string
		value float64
	}{
		{"tlstrace_config_last_reload_successful", 1},
		{"tlstrace_events_waiting", 3},
		{"tlstrace_history_events", 70},
	} {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: g.name, Help: g.name})
		gauge.Set(g.value)
		a.metrics.Registry().MustRegister(gauge)
	}
	a.metrics.Registry().MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "tlstrace_events_unnamed_total", Help: "Unnamed."}, func() float64 { return float64(a.scrapes.Load()) },
	))
}
