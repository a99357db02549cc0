package metrics

import (
	"cmp"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// gauges are the metrics that tell how things are.
type gauges struct{ build, hook, libraries *prometheus.Desc }

func newGauges() gauges {
	return gauges{
		build: prometheus.NewDesc("tlstrace_build_info", "Always 1; the labels tell which build runs.",
			[]string{"version", "commit", "goversion"}, nil),
		hook: prometheus.NewDesc("tlstrace_hook_attached",
			"Whether something is attached in the kernel for this purpose (1), or nothing is (0); variant is what serves it.",
			[]string{"hook", "variant"}, nil),
		libraries: prometheus.NewDesc("tlstrace_library_targets",
			"Files with TLS libraries, by family and by what became of the probes: attached, standby (in use, and none is needed), "+
				"refused, released (of nobody any more).",
			[]string{"library", "state"}, nil),
	}
}

func (g gauges) describe(out chan<- *prometheus.Desc) {
	out <- g.build
	out <- g.hook
	out <- g.libraries
}

func (g gauges) collect(o *Options, out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(g.build, prometheus.GaugeValue, 1,
		clean(cmp.Or(o.Version, unknown)), clean(cmp.Or(o.Commit, unknown)), runtime.Version())
	hooks, libraries := map[pair]float64{}, map[pair]float64{}
	if o.Sources.Hooks != nil {
		for _, h := range o.Sources.Hooks() {
			attached := 0.0
			if h.Attached {
				attached = 1
			}
			hooks[pair{clean(h.Name), clean(h.Variant)}] = attached
		}
	}
	if o.Sources.Libraries != nil {
		for l, n := range o.Sources.Libraries() {
			libraries[pair{clean(l.Family), clean(l.State)}] += float64(n)
		}
	}
	collectPairs(g.hook, hooks, out)
	collectPairs(g.libraries, libraries, out)
}

// pair is the values of two labels. A map of them has no series twice, which would spoil the whole scrape.
type pair [2]string

// maxPairs bounds what a source may tell: closed sets of its own.
const maxPairs = 200

func collectPairs(d *prometheus.Desc, all map[pair]float64, out chan<- prometheus.Metric) {
	told := 0
	for labels, v := range all {
		if told++; told > maxPairs {
			return
		}
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels[:]...)
	}
}
