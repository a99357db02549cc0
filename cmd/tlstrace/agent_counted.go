package main

import (
	"context"
	"fmt"
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tlstrace/tlstrace/sink/metrics"
	"github.com/tlstrace/tlstrace/tracer"
)

// counted is what the agent counts: events, what the kernel tells, and itself.
type counted struct {
	metrics *metrics.Metrics
}

func (a *agent) openCounted(_ context.Context, b build) error {
	sources := metrics.Sources{
		Totals: a.figures.totals, Connections: a.figures.connections, Programs: a.figures.programs, Resets: a.figures.resets,
		Hooks: a.figures.hooks, Libraries: a.figures.libraries, Lost: a.lost, Shed: a.figures.shed,
		Folded: func() uint64 { return a.told.stats().Folded },
	}
	a.names.sources(&sources)
	m, err := metrics.New(metrics.Options{
		Version: b.Version, Commit: b.Commit, Labels: a.f.labels, MaxSeries: a.f.series, Runtime: true, Now: a.w.now,
		SuccessesTold: a.options().Successes, Sources: sources,
	})
	if err != nil {
		return fmt.Errorf("--metrics-labels: %w", err)
	}
	a.counted = &counted{m}
	return nil
}

// lost adds what was lost on the way through the agent to what the tracer lost.
func (a *agent) lost() (map[string]uint64, error) {
	lost, err := a.figures.lost()
	all := a.told.lost()
	maps.Copy(all, lost)
	return all, err
}

// countItself registers what the agent tells of itself. The names of settings that were read again are those of Prometheus' own.
func (a *agent) countItself() {
	counter := func(name, help string, of func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
	}
	gauge := func(name, help string, of func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, of)
	}
	a.counted.metrics.Registry().MustRegister(
		counter("tlstrace_events_unnamed_total", "Events that were told without names, because too many waited for theirs.", a.pool.unnamed.Load),
		gauge("tlstrace_events_waiting", "Events that wait for the names of their ends.", func() float64 { return float64(len(a.pool.queue)) }),
		gauge("tlstrace_history_events", "Events that are kept for those who arrive late.", func() float64 { return float64(a.told.past.Stats().Events) }),
		gauge("tlstrace_config_last_reload_successful", "Whether the configuration that was read last is in force.", a.reload.lastGood),
		gauge("tlstrace_config_last_reload_success_timestamp_seconds", "When the configuration that is in force was read.", a.reload.lastGoodAt),
	)
	a.countCapture()
}

// countCapture registers at how many containers adaptive capture looks.
func (a *agent) countCapture() {
	registry := a.counted.metrics.Registry()
	mode := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tlstrace_capture", Help: "1 for where bytes are looked at: all, adaptive or light.",
	}, []string{"mode"})
	mode.WithLabelValues(a.f.capture.Value).Set(1)
	registry.MustRegister(mode, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tlstrace_followed_processes", Help: "Processes whose calls of SSL_get_error are watched for a while, because a handshake of theirs failed.",
	}, a.figures.followed), prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tlstrace_follow_missed_total", Help: "Processes of which a handshake failed, and that there was no room to watch.",
	}, a.figures.notFollowed))
	if a.f.capture.Value != string(tracer.CaptureAdaptive) {
		return
	}
	for _, why := range tracer.Whys {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tlstrace_capture_cgroups", Help: "Containers at whose bytes adaptive capture looks, by why.",
			ConstLabels: prometheus.Labels{"why": string(why)},
		}, func() float64 { return a.figures.inDepth(why) }))
	}
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tlstrace_capture_missed_total", Help: "Looks that adaptive capture could not take: too many at once, or refused by the kernel.",
	}, func() float64 { return float64(a.figures.notInDepth()) }))
}
