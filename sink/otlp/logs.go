package otlp

import (
	"context"
	"net/url"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// batchSize is how many events share a request at most. An event has a few kilobytes, a receiver takes some megabytes.
const batchSize = 256

func (x *Exporter) startLogs(ctx context.Context, o Options, base *url.URL, told *trouble) error {
	options := []otlploghttp.Option{
		otlploghttp.WithEndpointURL(base.JoinPath("v1", "logs").String()),
		otlploghttp.WithHeaders(o.Headers),
		otlploghttp.WithTimeout(o.Timeout),
	}
	if o.TLS != nil {
		options = append(options, otlploghttp.WithTLSClientConfig(o.TLS))
	}
	out, err := otlploghttp.New(ctx, options...)
	if err != nil {
		return err
	}
	batches := sdklog.NewBatchProcessor(&countedLogs{out, x, told},
		sdklog.WithMaxQueueSize(o.Queue), sdklog.WithExportMaxBatchSize(min(batchSize, o.Queue)),
		sdklog.WithExportInterval(o.Flush), sdklog.WithExportTimeout(o.Timeout))
	x.logs = sdklog.NewLoggerProvider(sdklog.WithResource(origin(o)), sdklog.WithProcessor(batches),
		sdklog.WithAttributeValueLengthLimit(-1)) // [text] has bounded them
	x.logger = x.logs.Logger("github.com/tlstrace/tlstrace")
	return nil
}

// countedLogs counts what leaves the queue. It keeps errors from the SDK's global handler, which would print each.
type countedLogs struct {
	sdklog.Exporter
	x    *Exporter
	told *trouble
}

// Export exports a batch.
func (c *countedLogs) Export(ctx context.Context, records []sdklog.Record) error {
	n := uint64(len(records))
	defer c.x.leave(int64(n))
	err := c.Exporter.Export(ctx, records)
	if err != nil {
		c.x.counts.failed.Add(n)
	} else {
		c.x.counts.exported.Add(n)
	}
	c.told.outcome("events", err)
	return nil
}

// leave makes room for so many events. After Close there is nothing to make room for.
func (x *Exporter) leave(n int64) {
	if x.waiting.Add(-n) < 0 {
		x.waiting.Store(0)
	}
}
