package metrics

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape asks the handler for a format, and returns what it answered.
func scrape(t testing.TB, m *Metrics, accept string) (expfmt.Format, []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return expfmt.ResponseFormat(w.Header()), w.Body.Bytes()
}

// acceptProto is what a Prometheus with native histograms or created timestamps sends.
const acceptProto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// decode reads a whole scrape.
func decode(t testing.TB, format expfmt.Format, body []byte) map[string]*dto.MetricFamily {
	t.Helper()
	all := map[string]*dto.MetricFamily{}
	decoder := expfmt.NewDecoder(bytes.NewReader(body), format)
	for {
		f := &dto.MetricFamily{}
		err := decoder.Decode(f)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[f.GetName()] = f
	}
}

func TestHistogramIsClassicAndNative(t *testing.T) {
	k := newKernel()
	slow := total(7, 443, 4, 0) // 3 ms each
	slow.Latency.Buckets[0], slow.Latency.Buckets[20], slow.Latency.Buckets[31] = 1, 2, 1
	slow.Succeeded, slow.Latency.Sum = 8, 2000
	k.totals = []Total{slow}
	m := newMetrics(t, k.options())
	expect(t, series(t, m, duration),
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="+Inf"} 8`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="0.0009765625"} 1`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="0.00390625"} 5`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="0.015625"} 5`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="0.0625"} 5`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="0.25"} 5`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="1"} 7`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="16"} 7`,
		duration+`_bucket{namespace="shop",role="server",workload="payments",le="4"} 7`,
		duration+`_count{namespace="shop",role="server",workload="payments"} 8`,
		duration+`_sum{namespace="shop",role="server",workload="payments"} 2000`)

	format, body := scrape(t, m, acceptProto)
	h := decode(t, format, body)[duration].GetMetric()[0].GetHistogram()
	got := nativeBuckets(h)
	for exponent, want := range map[int]int64{-20: 1, -8: 4, 0: 2, 11: 1} {
		if got[exponent] != want {
			t.Errorf("%d took at most 2^%d s, want %d", got[exponent], exponent, want)
		}
		delete(got, exponent)
	}
	for exponent, n := range got {
		if n != 0 {
			t.Errorf("%d took at most 2^%d s, want none", n, exponent)
		}
	}
	if h.GetSchema() != 0 || len(h.GetBucket()) != len(classicBuckets) || h.GetSampleCount() != 8 {
		t.Errorf("schema %d, %d classic buckets, %d in all", h.GetSchema(), len(h.GetBucket()), h.GetSampleCount())
	}
}

// nativeBuckets decodes them, by the number of the bucket.
func nativeBuckets(h *dto.Histogram) map[int]int64 {
	out := map[int]int64{}
	var count int64
	index, next := 0, 0
	for _, span := range h.GetPositiveSpan() {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += h.GetPositiveDelta()[next]
			out[index] = count
			index, next = index+1, next+1
		}
	}
	return out
}

func TestAnEmptyHistogramIsNative(t *testing.T) {
	var out dto.Metric
	if err := newHistogram(nil, nil, time.Unix(0, 0)).Write(&out); err != nil {
		t.Fatal(err)
	}
	if spans := out.GetHistogram().GetPositiveSpan(); len(spans) != 1 || spans[0].GetLength() != 0 {
		t.Errorf("spans %v; without one the histogram is taken for classic only", spans)
	}
}
