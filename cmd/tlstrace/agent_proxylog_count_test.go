package main

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestProxyLogCounts(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		path := podLogPath(t, p.dir, "web-1")
		appendLog(t, path, accessLine("10.244.0.7:1"))
		registry := prometheus.NewRegistry()
		p.register(registry)
		for port := range uint16(maxWaiters + 2) {
			_ = p.Write(closedEarly("web-1", port+1))
		}
		out.came()
		full := float64(p.counts.full.Load()) // one or two: the log may have told one by then
		read := float64(len(accessLine("10.244.0.7:1")))
		want := map[string]float64{
			"tlstrace_proxy_log_events_total/told": 1, "tlstrace_proxy_log_events_total/silent": 0, "tlstrace_proxy_log_events_total/full": full,
			"tlstrace_proxy_log_bytes_total/read": read, "tlstrace_proxy_log_bytes_total/skipped": 0, "tlstrace_proxy_log_unreadable_total/": 0,
			"tlstrace_proxy_log_events_waiting/": maxWaiters + 1 - full, "tlstrace_proxy_logs_followed/": 1,
		}
		if got := valuesOf(t, registry); !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		time.Sleep(logHold)
		out.came()
		want["tlstrace_proxy_log_events_total/silent"] = maxWaiters + 1 - full
		want["tlstrace_proxy_log_events_waiting/"] = 0
		if got := valuesOf(t, registry); !maps.Equal(got, want) {
			t.Errorf("later: got %v\nwant %v", got, want)
		}
	})
}

// valuesOf are the values of a registry by the name and the label of each.
func valuesOf(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := ""
			if len(m.GetLabel()) > 0 {
				label = m.GetLabel()[0].GetValue()
			}
			values[fmt.Sprint(f.GetName(), "/", label)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}
