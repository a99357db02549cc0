package metrics

import (
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Ask reads the sources. A scrape does; so does [Metrics.Run].
func (m *Metrics) Ask() {
	m.asking.Lock()
	defer m.asking.Unlock()
	m.askTotals()
	m.askWorkloads()
	m.askKernel()
	m.askAgent()
	m.countOverflow()
	m.forget(m.o.Forget)
}

func (m *Metrics) askTotals() {
	if m.o.Sources.Totals == nil {
		return
	}
	all, err := m.o.Sources.Totals()
	if !m.readable("totals", err) {
		return
	}
	m.memory.totals.update(m.o.Now(), all, m.addTotal)
}

// addTotal counts what the kernel counted. That a handshake failed, only its event can tell.
func (m *Metrics) addTotal(r *reading, added Total) {
	role := member(added.Role, []event.Side{event.Client, event.Server})
	if added.Succeeded > 0 {
		m.catalog.handshakes.addKernel(values{resultSucceeded, role, r.namespace, r.workload}, added.Succeeded)
	}
	if added.Ended > 0 {
		m.catalog.unconfirmed.addKernel(values{role, r.namespace, r.workload}, added.Ended)
	}
	if n := added.Latency.count(); n > 0 {
		m.catalog.duration.with(values{role, r.namespace, r.workload}, n, func(h *histogram) { h.add(&added.Latency) })
	}
}

// askWorkloads keeps the counters of those that are here, and makes those of the ones that are new.
func (m *Metrics) askWorkloads() {
	m.begin()
	if m.o.Sources.Workloads == nil {
		return
	}
	for _, w := range m.o.Sources.Workloads() {
		m.keepWorkload(w.Namespace, w.Name)
	}
}

func (m *Metrics) askKernel() {
	s, seen := &m.o.Sources, &m.memory
	m.askCounts("connections", s.Connections, seen.connections, m.catalog.connections)
	m.askCounts("lost", s.Lost, seen.lost, m.catalog.lost)
	if s.Resets != nil {
		all, err := s.Resets()
		if m.readable("resets", err) {
			for r, n := range all {
				m.catalog.resets.addKernel(values{r.Direction, r.Phase}, seen.resets.since(r, n))
			}
		}
	}
	if s.Shed != nil {
		n, err := s.Shed()
		if m.readable("shed", err) {
			m.catalog.shed.addKernel(values{}, seen.shed.since("", n))
		}
	}
	if s.Programs != nil {
		all, err := s.Programs()
		if m.readable("programs", err) {
			m.addPrograms(all)
		}
	}
}

func (m *Metrics) addPrograms(all []Program) {
	for _, p := range all {
		m.catalog.programRuns.addKernel(values{p.Name}, m.memory.runs.since(p.Name, p.Runs))
		m.catalog.programTime.addKernel(values{p.Name}, m.memory.times.since(p.Name, uint64(max(p.RunTime, 0))))
	}
}

// askAgent reads what the agent's other parts count, who cannot fail to know.
func (m *Metrics) askAgent() {
	s, seen := &m.o.Sources, &m.memory
	if s.Requests != nil {
		for r, n := range s.Requests() {
			m.catalog.requests.addKernel(values{r.Kind, r.Result}, seen.requests.since(r, n))
		}
	}
	if s.Lookups != nil {
		for result, n := range s.Lookups() {
			m.catalog.lookups.addKernel(values{result}, seen.lookups.since(result, n))
		}
	}
	if s.Folded != nil {
		m.catalog.folded.addKernel(values{}, seen.folded.since("", s.Folded()))
	}
}

// askCounts reads figures with one label. A zero is shown, too: it says that nothing happened.
func (m *Metrics) askCounts(source string, ask func() (map[string]uint64, error), seen climb[string], into counters) {
	if ask == nil {
		return
	}
	all, err := ask()
	if !m.readable(source, err) {
		return
	}
	for label, n := range all {
		into.addKernel(values{label}, seen.since(label, n))
	}
}

// readable counts a source that failed.
func (m *Metrics) readable(source string, err error) bool {
	var failed uint64
	if err != nil {
		failed = 1
	}
	m.catalog.sourceErrors.addKernel(values{source}, failed)
	return err == nil
}

// countOverflow exports what went to ~other.
func (m *Metrics) countOverflow() {
	for _, c := range m.catalog.bounded() {
		m.addOverflow(c.name, c.overflow.Load())
	}
	m.addOverflow(m.catalog.duration.name, m.catalog.duration.overflow.Load())
}

func (m *Metrics) addOverflow(metric string, n uint64) {
	m.catalog.overflow.addKernel(values{metric}, m.memory.overflow.since(metric, n))
}

// forget drops series that were not used for so long, of the metrics that name workloads. The others are few.
func (m *Metrics) forget(unused time.Duration) {
	for _, c := range m.catalog.bounded() {
		c.forget(unused)
	}
	m.catalog.duration.forget(unused)
}
