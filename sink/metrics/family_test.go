package metrics

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tlstrace/tlstrace/event"
)

// linesOf counts the time series of each metric, as a scrape has them, and adds up those of one.
func linesOf(text, metric string) (lines int, sum float64) {
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "{")
		if !strings.HasPrefix(name, metric) {
			continue
		}
		var v float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &v); err == nil {
			lines, sum = lines+1, sum+v
		}
	}
	return lines, sum
}

func TestSeriesNeverExceedTheirBound(t *testing.T) {
	const bound, kinds = 1000, 5000
	reasons := event.Reasons()
	k := newKernel()
	o := k.options()
	o.MaxSeries = bound
	o.Sources.Name = func(cgroup uint64) (string, string) { return "shop", fmt.Sprint("w", cgroup) }
	for i := range uint64(kinds) {
		k.totals = append(k.totals, total(i, 443, 1, 1))
	}
	m := newMetrics(t, o)
	var connects, handshakesFailed float64
	for i := range kinds {
		e := failed(event.FromBoth, reasons[i%len(reasons)])
		e.Client.K8s = &event.K8s{Namespace: "shop", Workload: fmt.Sprint("client", i)}
		e.Server.K8s = &event.K8s{Namespace: "shop", Workload: fmt.Sprint("server", i)}
		write(t, m, e)
		if e.Verdict.Layer == event.LayerConnect {
			connects += 2
		} else {
			handshakesFailed += 2
		}
	}
	exposition(t, m) // what is folded is exported by the next scrape, too
	text := exposition(t, m)
	for _, c := range []struct {
		metric string
		sum    float64 // 0: not looked at
	}{
		{handshakes, handshakesFailed + kinds},
		{"tlstrace_handshakes_unconfirmed_total", kinds},
		{failures, handshakesFailed},
		{connectFailures, connects},
		{duration, 0},
	} {
		t.Run(c.metric, func(t *testing.T) {
			lines, sum := linesOf(text, c.metric)
			if lines > bound || lines < bound/2 {
				t.Errorf("%d series, of at most %d", lines, bound)
			}
			if c.sum != 0 && sum != c.sum {
				t.Errorf("they add up to %v, want %v", sum, c.sum)
			}
			if _, n := linesOf(text, `tlstrace_series_folded_total`); n == 0 {
				t.Error("nothing says that series were folded")
			}
			if !strings.Contains(text, `tlstrace_series_folded_total{metric="`+c.metric+`"}`) {
				t.Error("this metric is not among those that folded series")
			}
		})
	}
	if !strings.Contains(text, `workload="~other"`) {
		t.Error("no ~other")
	}
	if _, n := linesOf(text, duration+`_count`); n != kinds {
		t.Errorf("%v durations, want %v", n, kinds)
	}
}

func TestASourceCannotMakeSeriesWithoutBound(t *testing.T) {
	lost := map[string]uint64{}
	hooks := []Hook{{"sockets", "sock_ops", true}, {"sockets", "sock_ops", true}, {"reset_sent", "", false}}
	libraries := map[Library]int{{"openssl", "attached"}: 3}
	for i := range 3000 {
		lost[fmt.Sprint("place", i)] = 2
		libraries[Library{fmt.Sprint("family", i), "found"}] = 1
	}
	m := newMetrics(t, Options{MaxSeries: MinMaxSeries, Sources: Sources{
		Lost:      func() (map[string]uint64, error) { return lost, nil },
		Hooks:     func() []Hook { return hooks },
		Libraries: func() map[Library]int { return libraries },
	}})
	text := exposition(t, m)
	for _, metric := range []string{"tlstrace_events_lost_total", "tlstrace_library_targets"} {
		if n, _ := linesOf(text, metric); n > MinMaxSeries || n < MinMaxSeries/2 {
			t.Errorf("%s has %d series", metric, n)
		}
	}
	expect(t, series(t, m, "tlstrace_hook_attached"), `tlstrace_hook_attached{hook="sockets",variant="sock_ops"} 1`)
	if !strings.Contains(text, `tlstrace_hook_attached{hook="reset_sent",variant=""} 0`) {
		t.Error("a hook that is not attached is not shown")
	}
}

func TestSeriesAreForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	here := []Workload{{"shop", "checkout"}}
	m := newMetrics(t, Options{
		Forget: time.Hour, Now: func() time.Time { return now },
		Sources: Sources{Workloads: func() []Workload { return here }},
	})
	write(t, m, failed(event.FromBoth, event.UnknownCA))
	for _, step := range []struct {
		name  string
		after time.Duration
		want  []string
	}{
		{"both are remembered", 50 * time.Minute, []string{
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="server",workload="payments"} 1`,
		}},
		{"what is no longer here is forgotten, what is here goes on", 20 * time.Minute, []string{
			`tlstrace_handshakes_total{namespace="shop",result="failed",role="client",workload="checkout"} 1`,
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			now = now.Add(step.after)
			expect(t, series(t, m, handshakes), step.want...)
		})
	}
	if n, _ := linesOf(exposition(t, m), failures); n != 0 {
		t.Errorf("%d failures are remembered", n)
	}
}

// TestAScrapeThatStallsHoldsNobodyUp reads one series of a scrape, and none after it.
func TestAScrapeThatStallsHoldsNobodyUp(t *testing.T) {
	m := newMetrics(t, Options{})
	write(t, m, failed(event.FromBoth, event.UnknownCA))
	out := make(chan prometheus.Metric)
	var scrape sync.WaitGroup
	scrape.Go(func() {
		m.Collect(out)
		close(out)
	})
	<-out
	for _, r := range event.Reasons() { // series that are there, and such as are not
		write(t, m, failed(event.FromBoth, r))
	}
	m.Ask()
	for range out {
	}
	scrape.Wait()
}

func TestCountingWhileScraping(t *testing.T) {
	const writers, each = 8, 4000
	m := newMetrics(t, Options{MaxSeries: 2000})
	var counting sync.WaitGroup
	for w := range writers {
		counting.Go(func() {
			for i := range each {
				e := failed(event.FromServer, event.UnknownCA)
				e.Client.K8s = &event.K8s{Namespace: "shop", Workload: fmt.Sprint("client", w, i%500)}
				if err := m.Write(e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	var before float64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		_, now := linesOf(exposition(t, m), failures)
		if now < before {
			t.Fatalf("%v failures after %v", now, before)
		}
		before = now
	}
	if before != writers*each {
		t.Errorf("%v failures were counted, want %v", before, writers*each)
	}
}
