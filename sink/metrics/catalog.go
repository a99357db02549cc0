package metrics

import (
	"github.com/tlstrace/tlstrace/event"
)

// catalog is every metric that grows.
type catalog struct {
	handshakes, unconfirmed, failures, connectFailures counters
	duration                                           *family[*histogram]
	events, connections, lost, shed, folded, overflow  counters
	resets, programTime, programRuns                   counters
	requests, lookups, sourceErrors                    counters
}

// roles is how many local roles there are.
const roles = 2

func newCatalog(o *Options) *catalog {
	return &catalog{
		handshakes: newCounters(spec{
			name:   "tlstrace_handshakes_total",
			help:   "TLS handshakes by the end that was seen from here, and how they ended. Each end counts: select a role, never add up roles.",
			labels: []string{labelResult, labelRole, labelNamespace, labelWorkload}, folded: len(results) * roles,
		}, o, 1, o.SuccessesTold),
		unconfirmed: newCounters(spec{
			name:   "tlstrace_handshakes_unconfirmed_total",
			help:   "TLS handshakes that ended before the kernel was sure of their success: failed, or to be judged. Exact also when events are lost.",
			labels: []string{labelRole, labelNamespace, labelWorkload}, folded: roles,
		}, o, 1, false),
		failures: newCounters(spec{
			name: "tlstrace_handshake_failures_total",
			help: "TLS handshakes that failed, by reason, local end and peer. Each local end counts: select a role, never add up roles.",
			labels: []string{
				labelReason, labelLayer, labelRole, labelNamespace, labelWorkload, labelPeerNamespace, labelPeerWorkload,
			},
			folded: (len(event.Reasons()) + 1) * roles,
		}, o, 1, false),
		connectFailures: newCounters(spec{
			name: "tlstrace_connect_failures_total",
			help: "TCP connects that failed (layer connect), on any port: whether TLS was to be spoken is not known, and no handshake failed.",
			labels: []string{
				labelReason, labelRole, labelNamespace, labelWorkload, labelPeerNamespace, labelPeerWorkload,
			},
			folded: (len(event.Reasons()) + 1) * roles,
		}, o, 1, false),
		duration: newFamily(spec{
			name:   "tlstrace_handshake_duration_seconds",
			help:   "Time from the first byte of the ClientHello to the last Finished, of the handshakes that surely succeeded.",
			labels: []string{labelRole, labelNamespace, labelWorkload}, each: classicSeries, folded: roles,
		}, o, newHistogram),
		events: newCounters(spec{
			name:   "tlstrace_events_total",
			help:   "Connections that were judged, each once, also if both of its ends are on this node.",
			labels: []string{"outcome", "observed_from"},
		}, o, 1, false),
		connections: newSourced("tlstrace_connections_total", "ending",
			"TCP connections that ended, each once, by what the kernel made of it: succeeded, ended (judged by its events), plain (no TLS), quiet (no byte).", o, 1),
		resets: newCounters(spec{
			name:   "tlstrace_tcp_resets_total",
			help:   "TCP resets, by whether they were sent or received, and during a handshake or not.",
			labels: []string{"direction", "phase"},
		}, o, 1, false),
		lost: newSourced("tlstrace_events_lost_total", "where",
			"What could not be followed or told, by where it was lost.", o, 1),
		shed: newCounters(spec{
			name: "tlstrace_events_shed_total",
			help: "Failures that the kernel did not tell by themselves, because too many were alike in a second: they are counted in the next alike (repeated), or as lost.",
		}, o, 1, false),
		folded: newCounters(spec{
			name: "tlstrace_events_folded_total",
			help: "Events that were not written by themselves but counted in the next alike (repeated).",
		}, o, 1, false),
		overflow: newSourced("tlstrace_series_folded_total", "metric",
			"Counts that went to ~other because the metric had reached its bound of series.", o, 1),
		programTime: newSourced("tlstrace_bpf_run_seconds_total", "program",
			"Time that a program in the kernel ran. Zero unless kernel.bpf_stats_enabled is set.", o, 1e-9),
		programRuns: newSourced("tlstrace_bpf_runs_total", "program",
			"How often a program in the kernel ran. Zero unless kernel.bpf_stats_enabled is set.", o, 1),
		requests: newCounters(spec{
			name:   "tlstrace_kubernetes_requests_total",
			help:   "Requests to the Kubernetes API server, by what was asked and by result.",
			labels: []string{"kind", "result"}, folds: []string{"kind", "result"}, folded: 1,
		}, o, 1, false),
		lookups: newSourced("tlstrace_name_lookups_total", "result",
			"Ends of connections that were to be named, by how that went: answered from memory, asked, late, refused.", o, 1),
		sourceErrors: newSourced("tlstrace_source_errors_total", "source",
			"Scrapes at which figures could not be read; the metrics made of them stay as they were.", o, 1),
	}
}

// counters are all of them but those of [catalog.overflow], which follow from the others.
func (c *catalog) counters() []counters {
	return []counters{
		c.handshakes, c.unconfirmed, c.failures, c.connectFailures, c.events, c.connections, c.resets, c.lost, c.shed, c.folded,
		c.programTime, c.programRuns, c.requests, c.lookups, c.sourceErrors,
	}
}

// bounded are the metrics that name workloads.
func (c *catalog) bounded() []counters {
	return []counters{c.handshakes, c.unconfirmed, c.failures, c.connectFailures}
}
