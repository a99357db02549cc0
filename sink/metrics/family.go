package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// maxLabels is the most that a metric has.
const maxLabels = 7

// values are the values of a metric's labels, in their order.
type values [maxLabels]string

// spec describes a metric.
type spec struct {
	name, help string
	labels     []string
	folds      []string // the labels that are folded into ~other when the metric is full; nil are the names of workloads
	folded     int      // sets of labels that are left when these are folded
	each       int      // time series for each set of labels; 0 is one
}

// family is the series of one metric, bounded in number. Any goroutine may count at any time: a scrape takes the lock only as long as
// it takes to list the series.
type family[M prometheus.Metric] struct {
	spec
	desc     *prometheus.Desc
	make     func(*prometheus.Desc, []*dto.LabelPair, time.Time) M
	now      func() time.Time
	start    time.Time
	kept     []int // the labels that are exposed, by their place in spec.labels
	room     int   // sets of labels
	overflow atomic.Uint64

	mu     sync.RWMutex
	series map[values]*entry[M]
}

// entry is one series.
type entry[M prometheus.Metric] struct {
	metric M
	used   atomic.Int64 // when it was last counted or asked for, in nanoseconds since the family's start
}

func newFamily[M prometheus.Metric](
	s spec, o *Options, create func(*prometheus.Desc, []*dto.LabelPair, time.Time) M,
) *family[M] {
	f := &family[M]{spec: s, make: create, now: o.Now, start: o.Now(), series: map[values]*entry[M]{}}
	if f.folds == nil {
		f.folds = naming
	}
	var names []string
	for i, l := range s.labels {
		if !slices.Contains(ChoosableLabels(), l) || slices.Contains(o.Labels, l) {
			f.kept = append(f.kept, i)
			names = append(names, l)
		}
	}
	f.desc = prometheus.NewDesc(s.name, s.help, names, nil)
	f.room = o.MaxSeries/max(s.each, 1) - s.folded
	return f
}

// with counts n of something in the series of these labels, which is made if there is room, else in that of ~other.
func (f *family[M]) with(v values, n uint64, count func(M)) {
	v = f.project(v)
	if f.counted(v, count) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.series[v] == nil && len(f.series) >= f.room {
		if folded := f.fold(v); folded != v {
			v = folded
			f.overflow.Add(n)
		}
	}
	e := f.entry(v)
	count(e.metric)
}

// counted counts in a series that is there.
func (f *family[M]) counted(v values, count func(M)) bool {
	f.mu.RLock()
	defer f.mu.RUnlock() // held while counting: a series cannot be forgotten in between
	e := f.series[v]
	if e == nil {
		return false
	}
	e.used.Store(int64(f.age()))
	count(e.metric)
	return true
}

// keep makes a series, if there is room, and keeps it from being forgotten.
func (f *family[M]) keep(v values) {
	v = f.project(v)
	if f.counted(v, func(M) {}) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.series) < f.room {
		f.entry(v)
	}
}

// entry returns the series of these labels, which is made if it is not there. The caller holds the lock.
func (f *family[M]) entry(v values) *entry[M] {
	e := f.series[v]
	if e == nil {
		e = &entry[M]{metric: f.make(f.desc, prometheus.MakeLabelPairs(f.desc, v[:len(f.kept)]), f.now())}
		e.used.Store(int64(f.age()))
		f.series[v] = e
	}
	return e
}

// project leaves out the labels that are not wanted, and makes the others safe.
func (f *family[M]) project(v values) values {
	var kept values
	for i, from := range f.kept {
		kept[i] = clean(v[from])
	}
	return kept
}

// age is the family's own, which does not jump with the wall clock.
func (f *family[M]) age() time.Duration { return f.now().Sub(f.start) }

// fold replaces names by ~other.
func (f *family[M]) fold(v values) values {
	for i, from := range f.kept {
		if slices.Contains(f.folds, f.labels[from]) {
			v[i] = other
		}
	}
	return v
}

// forget drops the series that were not used for so long.
func (f *family[M]) forget(unused time.Duration) {
	since := int64(f.age() - unused)
	f.mu.Lock()
	defer f.mu.Unlock()
	for v, e := range f.series {
		if e.used.Load() < since {
			delete(f.series, v)
		}
	}
}

// collect hands over the series as they are. It holds no lock while it does.
func (f *family[M]) collect(out chan<- prometheus.Metric) {
	for _, m := range f.list() {
		out <- m
	}
}

func (f *family[M]) list() []M {
	f.mu.RLock()
	defer f.mu.RUnlock()
	all := make([]M, 0, len(f.series))
	for _, e := range f.series {
		all = append(all, e.metric)
	}
	return all
}
