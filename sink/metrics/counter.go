package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// counter is one series that only grows. It carries the time of its creation, from which a Prometheus that ingests created timestamps
// knows that it was zero before.
type counter struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair
	created *timestamppb.Timestamp
	scale   float64
	overlap bool // events tell again what the kernel counted

	kernel, events atomic.Uint64
}

// newCounter makes counters of things, with scale 1, or of fractions of a unit.
func newCounter(scale float64, overlap bool) func(*prometheus.Desc, []*dto.LabelPair, time.Time) *counter {
	return func(d *prometheus.Desc, labels []*dto.LabelPair, now time.Time) *counter {
		return &counter{desc: d, labels: labels, created: timestamppb.New(now), scale: scale, overlap: overlap}
	}
}

// value is what is counted by the kernel and by events together. If events tell again what the kernel has counted, and then some,
// while some of them may be lost, the larger is nearer.
func (c *counter) value() float64 {
	kernel, events := c.kernel.Load(), c.events.Load()
	if c.overlap {
		return float64(max(kernel, events)) * c.scale
	}
	return float64(kernel+events) * c.scale
}

// Desc implements [prometheus.Metric].
func (c *counter) Desc() *prometheus.Desc { return c.desc }

// Write implements [prometheus.Metric].
func (c *counter) Write(out *dto.Metric) error {
	value := c.value()
	out.Label = c.labels
	out.Counter = &dto.Counter{Value: &value, CreatedTimestamp: c.created}
	return nil
}

// counters is a family of them.
type counters struct{ *family[*counter] }

func newCounters(s spec, o *Options, scale float64, overlap bool) counters {
	return counters{newFamily(s, o, newCounter(scale, overlap))}
}

// newSourced makes a family whose one label is a source's own word: a closed set, but not of this package.
func newSourced(name, label, help string, o *Options, scale float64) counters {
	return newCounters(spec{name: name, help: help, labels: []string{label}, folds: []string{label}, folded: 1}, o, scale, false)
}

// addEvents counts what events told.
func (c counters) addEvents(v values, n uint64) {
	c.with(v, n, func(m *counter) { m.events.Add(n) })
}

// addKernel counts what a source counted.
func (c counters) addKernel(v values, n uint64) {
	c.with(v, n, func(m *counter) { m.kernel.Add(n) })
}
