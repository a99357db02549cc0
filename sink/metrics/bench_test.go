package metrics

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// crowded is an agent whose metrics are full: 10,000 peers have failed against its workloads.
func crowded(t testing.TB) *Metrics {
	t.Helper()
	k := newKernel()
	for i := range uint64(4096) {
		k.totals = append(k.totals, total(i%500, uint16(i), 1000+i, i))
	}
	o := k.options()
	o.Now = time.Now
	o.Sources.Name = func(cgroup uint64) (string, string) { return "shop", fmt.Sprint("w", cgroup) }
	m := newMetrics(t, o)
	for i := range 10_000 {
		write(t, m, crowd(i))
	}
	m.Ask()
	return m
}

func crowd(i int) event.Event {
	e := failed(event.FromServer, event.UnknownCA)
	e.Client.K8s = &event.K8s{Namespace: "shop", Workload: fmt.Sprint("client-of-some-length-", i)}
	return e
}

// flood writes from 8 goroutines until it is stopped, which tells how many events it wrote.
func flood(m *Metrics) (stop func() int64) {
	var over atomic.Bool
	var written atomic.Int64
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := w; !over.Load(); i += 8 {
				if m.Write(crowd(i%20_000)) != nil {
					return
				}
				written.Add(1)
			}
		})
	}
	return func() int64 { over.Store(true); writers.Wait(); return written.Load() }
}

// TestAScrapeAnswersDuringAFlood asks full metrics while 8 goroutines count as fast as they can. The goal is a second; a machine on
// which everything else runs too gets ten.
func TestAScrapeAnswersDuringAFlood(t *testing.T) {
	m := crowded(t)
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	stop := flood(m)
	var slowest time.Duration
	for range 5 {
		begun := time.Now()
		response, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || response.StatusCode != http.StatusOK || n < 1<<20 {
			t.Fatalf("status %d, %d bytes, %v", response.StatusCode, n, err)
		}
		slowest = max(slowest, time.Since(begun))
	}
	written := stop()
	t.Logf("slowest scrape %s, %d events written meanwhile", slowest, written)
	if slowest > 10*time.Second || written == 0 {
		t.Errorf("slowest scrape %s, %d events written meanwhile", slowest, written)
	}
}

func BenchmarkScrape(b *testing.B) {
	for _, c := range []struct {
		name    string
		flooded bool
	}{{"quiet", false}, {"flood", true}} {
		b.Run(c.name, func(b *testing.B) {
			m := crowded(b)
			if c.flooded {
				defer flood(m)()
			}
			handler := m.Handler()
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name  string
		peers int
	}{{"known", 500}, {"folded", 50_000}} {
		b.Run(c.name, func(b *testing.B) {
			m := crowded(b)
			events := make([]event.Event, c.peers)
			for i := range events {
				events[i] = crowd(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := m.Write(events[int(next.Add(1))%len(events)]); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
