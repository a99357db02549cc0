package main

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// logCounts count what came of asking proxies' logs.
type logCounts struct {
	told, silent, full atomic.Uint64 // events: a log told the reason; none did in time; there was no room to wait
	unreadable         atomic.Uint64 // times that a log was not found or could not be read
	read, skipped      atomic.Uint64 // bytes
}

// register exports the counts.
func (p *proxyLogs) register(to prometheus.Registerer) {
	counter := func(name, help string, of *atomic.Uint64, labels prometheus.Labels) prometheus.Collector {
		o := prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}
		return prometheus.NewCounterFunc(o, func() float64 { return float64(of.Load()) })
	}
	gauge := func(name, help string, of func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return float64(of())
		})
	}
	const events, eventsHelp = "tlstrace_proxy_log_events_total", "Failures without a reason, by what the logs of their proxies said."
	const bytes, bytesHelp = "tlstrace_proxy_log_bytes_total", "Bytes of proxies' logs that were read, or were too many to be read."
	to.MustRegister(
		counter(events, eventsHelp, &p.counts.told, prometheus.Labels{"result": "told"}),
		counter(events, eventsHelp, &p.counts.silent, prometheus.Labels{"result": "silent"}),
		counter(events, eventsHelp, &p.counts.full, prometheus.Labels{"result": "full"}),
		counter(bytes, bytesHelp, &p.counts.read, prometheus.Labels{"result": "read"}),
		counter(bytes, bytesHelp, &p.counts.skipped, prometheus.Labels{"result": "skipped"}),
		counter("tlstrace_proxy_log_unreadable_total", "Times that the log of a proxy was not found or could not be read.", &p.counts.unreadable, nil),
		gauge("tlstrace_proxy_log_events_waiting", "Failures that wait for the log of a proxy.", func() int { return len(p.held) }),
		gauge("tlstrace_proxy_logs_followed", "Logs of proxies that are followed.", func() int { return len(p.followers) }),
	)
}
