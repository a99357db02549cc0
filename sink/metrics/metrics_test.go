package metrics

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"

	"github.com/tlstrace/tlstrace/event"
)

// checkout and payments are two workloads that talk to each other.
var (
	checkout = &event.K8s{Namespace: "shop", Pod: "checkout-5c6f9d7b44-q8w2n", Workload: "checkout"}
	payments = &event.K8s{Namespace: "shop", Pod: "payments-7d9f8c6b5-x2x4z", Workload: "payments"}
)

func newMetrics(t testing.TB, o Options) *Metrics {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// failed is a handshake that failed, as seen from an end or from both.
func failed(from event.Vantage, r event.Reason) event.Event {
	return event.Event{
		Outcome: event.Failed, ObservedFrom: from, Verdict: event.Verdict{Reason: r, Layer: r.Layer()},
		Client: event.Endpoint{K8s: checkout}, Server: event.Endpoint{K8s: payments},
	}
}

func write(t testing.TB, m *Metrics, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		if err := m.Write(e); err != nil {
			t.Fatal(err)
		}
	}
}

// exposition is what a scrape says, as text.
func exposition(t testing.TB, m *Metrics) string {
	t.Helper()
	all, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range all {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// series are the lines of a scrape that begin so and are not zero, in order.
func series(t testing.TB, m *Metrics, prefixes ...string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(exposition(t, m)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasSuffix(line, " 0") {
			continue
		}
		for _, p := range prefixes {
			if strings.HasPrefix(line, p) {
				found = append(found, line)
			}
		}
	}
	slices.Sort(found)
	return found
}

func expect(t testing.TB, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const (
	failures        = "tlstrace_handshake_failures_total"
	handshakes      = "tlstrace_handshakes_total"
	connectFailures = "tlstrace_connect_failures_total"
	eventsTotal     = "tlstrace_events_total"
	duration        = "tlstrace_handshake_duration_seconds"
)

func TestWriteCountsEachLocalEnd(t *testing.T) {
	repeated := failed(event.FromServer, event.UnknownCA)
	repeated.Repeated = 41
	strange := failed(event.FromClient, "solar_flare")
	unnamed := failed(event.FromClient, event.UnknownCA)
	unnamed.Client.K8s, unnamed.Server.K8s = nil, nil
	for _, c := range []struct {
		name  string
		event event.Event
		want  []string
	}{
		{"from the client", failed(event.FromClient, event.UnknownCA), []string{
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",peer_namespace="shop",peer_workload="payments",reason="unknown_ca",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
		}},
		{"from the server, with what was folded into it", repeated, []string{
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",peer_namespace="shop",peer_workload="checkout",reason="unknown_ca",role="server",workload="payments"} 42`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="server",workload="payments"} 42`,
		}},
		{"from both: one for each role", failed(event.FromBoth, event.UnknownCA), []string{
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",peer_namespace="shop",peer_workload="checkout",reason="unknown_ca",role="server",workload="payments"} 1`,
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",peer_namespace="shop",peer_workload="payments",reason="unknown_ca",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="server",workload="payments"} 1`,
		}},
		{"from a log: no end is here", failed(event.FromLog, event.UnknownCA), nil},
		{"no pods", unnamed, []string{
			`tlstrace_handshake_failures_total{layer="certificate",namespace="",peer_namespace="",peer_workload="",reason="unknown_ca",role="client",workload=""} 1`,
			`tlstrace_handshakes_total{namespace="",result="failed",role="client",workload=""} 1`,
		}},
		{"a reason that is none", strange, []string{
			`tlstrace_handshake_failures_total{layer="unknown",namespace="shop",peer_namespace="shop",peer_workload="payments",reason="unknown",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
		}},
		{"a connect that failed is no handshake", failed(event.FromClient, event.ConnectionRefused), []string{
			`tlstrace_connect_failures_total{namespace="shop",peer_namespace="shop",peer_workload="payments",reason="connection_refused",role="client",workload="checkout"} 1`,
		}},
		{"a redirect that nobody answers is a failure of the mesh", failed(event.FromClient, event.RedirectRefused), []string{
			`tlstrace_handshake_failures_total{layer="redirect",namespace="shop",peer_namespace="shop",peer_workload="payments",reason="redirect_refused",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMetrics(t, Options{})
			write(t, m, c.event)
			expect(t, series(t, m, failures, handshakes, connectFailures), c.want...)
		})
	}
}

func TestOnlyFailuresAreFailed(t *testing.T) {
	for _, c := range []struct {
		outcome event.Outcome
		want    []string
	}{
		{event.Noise, nil},
		{event.Succeeded, []string{`tlstrace_handshakes_total{namespace="shop",result="succeeded",role="client",workload="checkout"} 1`}},
		{event.Undecided, []string{`tlstrace_handshakes_total{namespace="shop",result="undecided",role="client",workload="checkout"} 1`}},
		{"new", nil},
	} {
		t.Run(string(c.outcome), func(t *testing.T) {
			m := newMetrics(t, Options{})
			e := failed(event.FromClient, event.UnknownCA)
			e.Outcome = c.outcome
			write(t, m, e)
			expect(t, series(t, m, failures, handshakes, connectFailures), c.want...)
		})
	}
}

func TestEventsCountOnceWhateverTheyWereSeenFrom(t *testing.T) {
	m := newMetrics(t, Options{})
	write(t, m, failed(event.FromBoth, event.UnknownCA), failed(event.FromClient, event.ConnectionRefused),
		event.Event{Outcome: event.Noise, ObservedFrom: event.FromServer, Repeated: 9},
		event.Event{Outcome: "new", ObservedFrom: "space", Repeated: -3})
	expect(t, series(t, m, eventsTotal),
		`tlstrace_events_total{observed_from="both",outcome="failed"} 1`,
		`tlstrace_events_total{observed_from="client",outcome="failed"} 1`,
		`tlstrace_events_total{observed_from="server",outcome="noise"} 10`,
		`tlstrace_events_total{observed_from="unknown",outcome="unknown"} 1`)
}

func TestNameOf(t *testing.T) {
	for _, c := range []struct {
		name, namespace, workload string
		k                         *event.K8s
	}{
		{"nothing known", "", "", nil},
		{"a workload", "shop", "payments", payments},
		{"a pod without one", "kube-system", "etcd-n1", &event.K8s{Namespace: "kube-system", Pod: "etcd-n1"}},
		{"a service", "shop", "service/payments", &event.K8s{Namespace: "shop", Service: "payments"}},
		{"a pod behind a service", "shop", "payments", &event.K8s{Namespace: "shop", Workload: "payments", Service: "pay"}},
		{"a node", "", "", &event.K8s{Node: "n1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, w := NameOf(c.k); n != c.namespace || w != c.workload {
				t.Errorf("got %q %q, want %q %q", n, w, c.namespace, c.workload)
			}
		})
	}
}

func TestLocalWorkloadsAreThereBeforeTheyFail(t *testing.T) {
	m := newMetrics(t, Options{Sources: Sources{Workloads: func() []Workload { return []Workload{{"shop", "payments"}} }}})
	text := exposition(t, m)
	for _, want := range []string{
		`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="payments"} 0`,
		`tlstrace_handshakes_total{namespace="shop",result="failed",role="server",workload="payments"} 0`,
		`tlstrace_handshakes_total{namespace="shop",result="succeeded",role="server",workload="payments"} 0`,
		`tlstrace_handshakes_total{namespace="",result="failed",role="client",workload=""} 0`,
		`tlstrace_tcp_resets_total{direction="sent",phase="handshake"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestLabelsThatAreNotChosenAreAddedUp(t *testing.T) {
	second := failed(event.FromClient, event.CertificateExpired)
	second.Client.K8s = &event.K8s{Namespace: "shop", Workload: "cart"}
	for _, c := range []struct {
		name   string
		labels []string
		want   []string
	}{
		{"workloads left out", []string{"namespace", "reason", "layer"}, []string{
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",reason="certificate_expired",role="client"} 1`,
			`tlstrace_handshake_failures_total{layer="certificate",namespace="shop",reason="unknown_ca",role="client"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client"} 2`,
		}},
		{"none", []string{}, []string{
			`tlstrace_handshake_failures_total{role="client"} 2`,
			`tlstrace_handshakes_total{result="failed",role="client"} 2`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMetrics(t, Options{Labels: c.labels})
			write(t, m, failed(event.FromClient, event.UnknownCA), second)
			expect(t, series(t, m, failures, handshakes), c.want...)
		})
	}
}

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		name, want string
		options    Options
	}{
		{"a label that is always there", `"role"`, Options{Labels: []string{"role"}}},
		{"no label", "the choice is namespace", Options{Labels: []string{"sni\x1b[31m"}}},
		{"too few series", "at least 200", Options{MaxSeries: 199}},
		{"too forgetful", "at least a minute", Options{Forget: time.Second}},
		{"a negative time", "must not be negative", Options{Every: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %q, want %q in it", err, c.want)
			}
		})
	}
}

func TestHostileNamesAreBoundedAndValid(t *testing.T) {
	for _, c := range []struct{ name, hostile, want string }{
		{"quotes, backslashes", `a"b\c`, `a\"b\\c`},
		{"control characters", "a\nb\x1b[31mc\x00", "a\uFFFDb\uFFFD[31mc\uFFFD"},
		{"invalid UTF-8", "a\xff\xfeb", "a\uFFFD\uFFFDb"},
		{"reordering", "a\u202eb", "a\uFFFDb"},
		{"letters of the world", "zahlung-ü", "zahlung-ü"},
		{"long", strings.Repeat("x", 64<<10), strings.Repeat("x", 253)},
		{"long and broken", strings.Repeat("\xff", 64<<10), strings.Repeat("\uFFFD", 84)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMetrics(t, Options{})
			e := failed(event.FromClient, event.UnknownCA)
			e.Client.K8s = &event.K8s{Namespace: c.hostile, Workload: c.hostile}
			write(t, m, e)
			expect(t, series(t, m, handshakes),
				fmt.Sprintf(`tlstrace_handshakes_total{namespace="%s",result="failed",role="client",workload="%s"} 1`, c.want, c.want))
		})
	}
}
