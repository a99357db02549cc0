package metrics

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The kernel's buckets are those of a native histogram of schema 0, in which bucket n holds what is at most 2^n and more than
// 2^(n-1) (Prometheus, "Native histograms", section Schema).
const (
	nativeSchema = 0
	firstBucket  = -20 // the native number of the kernel's first bucket
)

// classicBuckets are every second of the kernel's, where handshakes are: 1 ms, 4 ms, 16 ms, 62 ms, 250 ms, 1 s, 4 s and 16 s, so
// that the classic histogram is as exact as the native one.
var classicBuckets = []int{10, 12, 14, 16, 18, 20, 22, 24}

// classicSeries is how many time series the classic form has for each set of labels: the buckets, +Inf, sum and count.
var classicSeries = len(classicBuckets) + 3

// histogram is one histogram of durations in its classic and its native form.
type histogram struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair
	created *timestamppb.Timestamp

	mu    sync.Mutex
	total Latency
}

func newHistogram(d *prometheus.Desc, labels []*dto.LabelPair, now time.Time) *histogram {
	return &histogram{desc: d, labels: labels, created: timestamppb.New(now)}
}

func (h *histogram) add(l *Latency) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, n := range l.Buckets {
		h.total.Buckets[i] += n
	}
	h.total.Sum += l.Sum
}

func (h *histogram) snapshot() Latency {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// Desc implements [prometheus.Metric].
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// Write implements [prometheus.Metric].
func (h *histogram) Write(out *dto.Metric) error {
	l := h.snapshot()
	count := l.count()
	out.Label = h.labels
	out.Histogram = &dto.Histogram{
		SampleCount: &count, SampleSum: &l.Sum, CreatedTimestamp: h.created,
		Bucket: l.classic(),
		Schema: new(int32(nativeSchema)), ZeroThreshold: new(float64), ZeroCount: new(uint64),
	}
	out.Histogram.PositiveSpan, out.Histogram.PositiveDelta = l.native()
	return nil
}

func (l *Latency) count() uint64 {
	var n uint64
	for _, b := range l.Buckets {
		n += b
	}
	return n
}

// classic counts what took at most so long.
func (l *Latency) classic() []*dto.Bucket {
	var out []*dto.Bucket
	var sum uint64
	next := 0
	for _, i := range classicBuckets {
		for ; next <= i; next++ {
			sum += l.Buckets[next]
		}
		out = append(out, &dto.Bucket{CumulativeCount: new(sum), UpperBound: new(math.Ldexp(1, i+firstBucket))})
	}
	return out
}

// native spells the buckets as one span from the first to the last that is not empty, each as the difference to its neighbour. A
// span without length says that a histogram that is empty is native, too.
func (l *Latency) native() ([]*dto.BucketSpan, []int64) {
	first, last := 0, latencyBuckets-1
	for first < last && l.Buckets[first] == 0 {
		first++
	}
	for last > first && l.Buckets[last] == 0 {
		last--
	}
	if l.Buckets[last] == 0 {
		return []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}, nil
	}
	var deltas []int64
	var before int64
	for _, n := range l.Buckets[first : last+1] {
		deltas = append(deltas, int64(n)-before)
		before = int64(n)
	}
	return []*dto.BucketSpan{{Offset: new(int32(first + firstBucket)), Length: new(uint32(len(deltas)))}}, deltas
}
