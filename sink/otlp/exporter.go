// Package otlp exports events as OpenTelemetry logs, and metrics from a Prometheus registry, over OTLP/HTTP.
//
// Nothing waits for the receiver. Events go through the SDK's batch processor, behind a gate that lets in no more than its queue
// holds: what finds no room is counted, as is what the receiver does not take.
package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// The defaults of [Options].
const (
	DefaultQueue    = 2048
	DefaultInterval = time.Minute
	DefaultFlush    = time.Second
	defaultTimeout  = 10 * time.Second
	closeWait       = 5 * time.Second

	maxComm = 15 // TASK_COMM_LEN of the kernel, less the zero
)

// Options say where to export to. Zero values mean the defaults. What is not set here the SDK takes from the OTEL_EXPORTER_OTLP_*
// variables of the environment: certificates, compression.
type Options struct {
	// Endpoint is a URL to which /v1/logs and /v1/metrics are added, or a host and port.
	Endpoint string
	Headers  map[string]string // of every request: tokens, tenants
	Insecure bool              // plain HTTP, for an Endpoint without a scheme
	TLS      *tls.Config       // nil: the system's authorities

	Node       string // becomes host.name and service.instance.id
	Kubernetes bool   // Node is the name of a Kubernetes node: k8s.node.name
	Version    string // of tlstrace: service.version

	// Gatherer is where metrics are taken from each Interval. nil: only logs are exported.
	Gatherer prometheus.Gatherer
	Interval time.Duration

	// Self is this process as events name it: by default its id and name. Its own connections are not exported, because a receiver that
	// cannot be reached would make an event of every attempt to tell it so. In a PID namespace of its own an agent cannot be told apart
	// this way.
	Self event.Process

	Queue   int           // events that wait for the receiver
	Flush   time.Duration // how long an event waits for others to share its request
	Timeout time.Duration // of a request, retries included
	// Logger is told when the receiver does not answer, at most once a minute, and when it does again. nil is told nothing.
	Logger *slog.Logger
	Now    func() time.Time // for that minute; nil: time.Now
}

func (o Options) withDefaults() Options {
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.Flush <= 0 {
		o.Flush = DefaultFlush
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Self == (event.Process{}) {
		name := filepath.Base(os.Args[0])
		o.Self = event.Process{PID: os.Getpid(), Comm: name[:min(len(name), maxComm)]}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Exporter is a [sink.Sink] that exports, for any number of goroutines.
type Exporter struct {
	queue   int64
	self    event.Process
	logger  log.Logger
	logs    *sdklog.LoggerProvider
	metrics *metric.MeterProvider // nil without a Gatherer

	waiting atomic.Int64 // events that were let in and are not exported yet
	closed  atomic.Bool
	closing sync.Once
	counts  counts
}

// counts are what [Stats] is made of.
type counts struct {
	exported, dropped, failed, own, scrapes, scrapesFailed, gatherErrors atomic.Uint64
}

var _ sink.Sink = (*Exporter)(nil)

// New makes an exporter. It connects to nothing yet, and the error is about the Endpoint. ctx is not kept.
func New(ctx context.Context, o Options) (*Exporter, error) {
	o = o.withDefaults()
	base, err := endpoint(o.Endpoint, o.Insecure)
	if err != nil {
		return nil, err
	}
	x := &Exporter{queue: int64(o.Queue), self: o.Self}
	told := &trouble{log: o.Logger, now: o.Now, endpoint: base.Host}
	if err := x.startLogs(ctx, o, base, told); err != nil {
		return nil, fmt.Errorf("exporting logs over OTLP: %w", err)
	}
	if o.Gatherer == nil {
		return x, nil
	}
	if err := x.startMetrics(ctx, o, base, told); err != nil {
		return nil, errors.Join(fmt.Errorf("exporting metrics over OTLP: %w", err), x.logs.Shutdown(ctx))
	}
	return x, nil
}

// endpoint checks where to export to.
func endpoint(text string, insecure bool) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		scheme := "https://"
		if insecure {
			scheme = "http://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the OTLP endpoint: %s", sink.Escape(err.Error(), maxText))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the OTLP endpoint: %q is neither http nor https", sink.Escape(u.Scheme, 60))
	case u.Host == "":
		return nil, errors.New("the OTLP endpoint has no host")
	case u.User != nil:
		return nil, errors.New("the OTLP endpoint holds a password: set a header instead")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the OTLP endpoint has a query")
	}
	return u, nil
}

// origin says whose logs and metrics these are.
func origin(o Options) *resource.Resource {
	all := []attribute.KeyValue{semconv.ServiceName("tlstrace")}
	if o.Version != "" {
		all = append(all, semconv.ServiceVersion(o.Version))
	}
	if o.Node != "" {
		all = append(all, semconv.ServiceInstanceID(o.Node), semconv.HostName(o.Node))
		if o.Kubernetes {
			all = append(all, semconv.K8SNodeName(o.Node))
		}
	}
	return resource.NewWithAttributes(semconv.SchemaURL, all...)
}

// Write queues an event. It waits for nothing and returns nil: an event that finds the queue full is dropped and counted.
func (x *Exporter) Write(e event.Event) error {
	if p := e.Client.Process; p != nil && p.PID == x.self.PID && p.Comm == x.self.Comm {
		x.counts.own.Add(1)
		return nil
	}
	if x.closed.Load() {
		x.counts.dropped.Add(1)
		return nil
	}
	if x.waiting.Add(1) > x.queue {
		x.waiting.Add(-1)
		x.counts.dropped.Add(1)
		return nil
	}
	x.logger.Emit(context.Background(), record(&e))
	return nil
}

// Close exports what is queued and the metrics once more, for at most five seconds. What is left then counts as dropped. The error
// says that something was not exported.
func (x *Exporter) Close() (err error) {
	x.closing.Do(func() {
		x.closed.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		err = x.logs.Shutdown(ctx)
		if x.metrics != nil {
			err = errors.Join(err, x.metrics.Shutdown(ctx))
		}
		if left := x.waiting.Swap(0); left > 0 {
			x.counts.dropped.Add(uint64(left))
			err = errors.Join(err, fmt.Errorf("%d events were not exported over OTLP", left))
		}
	})
	return err
}

// Stats are an exporter's counters.
type Stats struct {
	Waiting       int    // events in the queue or on their way now
	Exported      uint64 // events that the receiver took
	Dropped       uint64 // events that found the queue full, or were left at the end
	Failed        uint64 // events that the receiver did not take, retries included
	Own           uint64 // events of this process' own connections, which are not exported
	Scrapes       uint64 // exports of metrics that the receiver took
	ScrapesFailed uint64 // exports of metrics that it did not take
	GatherErrors  uint64 // errors of the Gatherer; what it gave nevertheless was exported
}

// Stats returns the counters.
func (x *Exporter) Stats() Stats {
	c := &x.counts
	return Stats{
		Waiting: int(x.waiting.Load()), Exported: c.exported.Load(), Dropped: c.dropped.Load(), Failed: c.failed.Load(), Own: c.own.Load(),
		Scrapes: c.scrapes.Load(), ScrapesFailed: c.scrapesFailed.Load(), GatherErrors: c.gatherErrors.Load(),
	}
}
