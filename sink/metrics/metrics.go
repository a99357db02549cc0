// Package metrics counts handshakes for Prometheus: what the events tell, and what the kernel and the other parts of the agent counted.
//
// Labels are workloads, never addresses, names that a client asked for, or texts of errors. Every metric has a bound of series; the
// names that come after it is reached are folded into ~other. docs/metrics.md is the reference, and says what can be relied upon.
package metrics

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientcollectors "github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tlstrace/tlstrace/event"
)

// resultUndecided and its like are the results of a handshake.
const (
	resultSucceeded = "succeeded"
	resultFailed    = "failed"
	resultUndecided = "undecided"
)

var results = []string{resultSucceeded, resultFailed, resultUndecided}

// maxScrapes is how many scrapes are answered at the same time; a further one is told to come back (503).
const maxScrapes = 4

// Metrics is a sink of events that serves metrics. All its methods are for any goroutine.
type Metrics struct {
	o        Options
	catalog  *catalog
	gauges   gauges
	registry *prometheus.Registry

	asking sync.Mutex // the sources
	memory memory
}

// memory is what the sources said when they were last asked.
type memory struct {
	totals      *totals
	connections climb[string]
	lost        climb[string]
	folded      climb[string]
	shed        climb[string]
	resets      climb[Reset]
	runs, times climb[string]
	requests    climb[Request]
	lookups     climb[string]
	overflow    climb[string]
}

// New makes metrics. An error says which option is wrong.
func New(o Options) (*Metrics, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	m := &Metrics{
		o: o, catalog: newCatalog(&o), gauges: newGauges(), registry: prometheus.NewRegistry(),
		memory: memory{
			totals: newTotals(o.Sources.Name), connections: climb[string]{}, lost: climb[string]{}, folded: climb[string]{}, shed: climb[string]{},
			resets: climb[Reset]{}, runs: climb[string]{}, times: climb[string]{}, requests: climb[Request]{},
			lookups: climb[string]{}, overflow: climb[string]{},
		},
	}
	m.begin()
	m.registry.MustRegister(m)
	if o.Runtime {
		m.registry.MustRegister(
			clientcollectors.NewGoCollector(), clientcollectors.NewProcessCollector(clientcollectors.ProcessCollectorOpts{}),
		)
	}
	return m, nil
}

// begin makes the series that are there from the start, at zero: what is no pod, and the closed sets.
func (m *Metrics) begin() {
	m.keepWorkload("", "")
	for _, o := range event.Outcomes {
		m.catalog.events.keep(values{string(o), string(event.FromClient)})
		m.catalog.events.keep(values{string(o), string(event.FromServer)})
		m.catalog.events.keep(values{string(o), string(event.FromBoth)})
	}
	for _, direction := range []string{"sent", "received"} {
		m.catalog.resets.keep(values{direction, "handshake"})
		m.catalog.resets.keep(values{direction, "other"})
	}
}

// keepWorkload makes the counters of a workload of this node, so that its first failure is a step from zero.
func (m *Metrics) keepWorkload(namespace, workload string) {
	for _, role := range []event.Side{event.Client, event.Server} {
		m.catalog.handshakes.keep(values{resultSucceeded, string(role), namespace, workload})
		m.catalog.handshakes.keep(values{resultFailed, string(role), namespace, workload})
	}
}

// Write counts an event, and those that were folded into it. It never fails.
func (m *Metrics) Write(e event.Event) error {
	n := 1 + uint64(max(e.Repeated, 0))
	m.catalog.events.addEvents(values{
		member(e.Outcome, event.Outcomes),
		member(e.ObservedFrom, []event.Vantage{event.FromClient, event.FromServer, event.FromBoth, event.FromLog}),
	}, n)
	for _, end := range localEnds(&e) {
		m.count(&e, end, n)
	}
	return nil
}

// count counts an event for one of its ends. Noise is no handshake.
func (m *Metrics) count(e *event.Event, end end, n uint64) {
	namespace, workload := NameOf(end.own.K8s)
	result := resultUndecided
	switch e.Outcome {
	case event.Failed:
		if m.fail(e, end, n); e.Verdict.Reason.Layer() == event.LayerConnect {
			return
		}
		result = resultFailed
	case event.Succeeded:
		result = resultSucceeded
	case event.Undecided:
	default:
		return
	}
	m.catalog.handshakes.addEvents(values{result, string(end.role), namespace, workload}, n)
}

// fail counts why. A reason outside of the closed set is that of a newer build, or of a recording.
func (m *Metrics) fail(e *event.Event, end end, n uint64) {
	namespace, workload := NameOf(end.own.K8s)
	peerNamespace, peerWorkload := NameOf(end.peer.K8s)
	role, reason, layer := string(end.role), string(e.Verdict.Reason), e.Verdict.Reason.Layer()
	switch layer {
	case event.LayerConnect:
		m.catalog.connectFailures.addEvents(values{reason, role, namespace, workload, peerNamespace, peerWorkload}, n)
		return
	case "":
		reason, layer = unknown, unknown
	}
	m.catalog.failures.addEvents(
		values{reason, string(layer), role, namespace, workload, peerNamespace, peerWorkload}, n)
}

// Close does nothing: what was counted can still be scraped.
func (m *Metrics) Close() error { return nil }

// Registry is what is served, for other exporters. Gathering it asks the sources.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler serves the metrics, as text, OpenMetrics, or protobuf with native histograms and created timestamps, as the scraper
// accepts. Created timestamps are left out of OpenMetrics, where they would be one more series for each.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError,
	})
}

// Run asks the sources every [Options.Every] until ctx is done, so that little is missed of what they forget between two scrapes.
func (m *Metrics) Run(ctx context.Context) {
	tick := time.NewTicker(m.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.Ask()
		}
	}
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, c := range m.catalog.counters() {
		out <- c.desc
	}
	out <- m.catalog.overflow.desc
	out <- m.catalog.duration.desc
	m.gauges.describe(out)
}

// Collect implements [prometheus.Collector]: it asks the sources, and hands over what was counted until then.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.Ask()
	for _, c := range m.catalog.counters() {
		c.collect(out)
	}
	m.catalog.overflow.collect(out)
	m.catalog.duration.collect(out)
	m.gauges.collect(&m.o, out)
}
