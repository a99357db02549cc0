package otlp

import (
	"context"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func (x *Exporter) startMetrics(ctx context.Context, o Options, base *url.URL, told *trouble) error {
	options := []otlpmetrichttp.Option{
		otlpmetrichttp.WithEndpointURL(base.JoinPath("v1", "metrics").String()),
		otlpmetrichttp.WithHeaders(o.Headers),
		otlpmetrichttp.WithTimeout(o.Timeout),
	}
	if o.TLS != nil {
		options = append(options, otlpmetrichttp.WithTLSClientConfig(o.TLS))
	}
	out, err := otlpmetrichttp.New(ctx, options...)
	if err != nil {
		return err
	}
	gatherer := countedGatherer{o.Gatherer, x, told}
	reader := metric.NewPeriodicReader(&countedMetrics{out, x, told},
		metric.WithInterval(o.Interval), metric.WithTimeout(o.Timeout),
		metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(gatherer))))
	x.metrics = metric.NewMeterProvider(metric.WithResource(origin(o)), metric.WithReader(reader))
	return nil
}

// countedMetrics counts exports. It keeps errors from the SDK's global handler, which would print each.
type countedMetrics struct {
	metric.Exporter
	x    *Exporter
	told *trouble
}

// Export exports what was gathered.
func (c *countedMetrics) Export(ctx context.Context, all *metricdata.ResourceMetrics) error {
	err := c.Exporter.Export(ctx, all)
	if err != nil {
		c.x.counts.scrapesFailed.Add(1)
	} else {
		c.x.counts.scrapes.Add(1)
	}
	c.told.outcome("metrics", err)
	return nil
}

// countedGatherer counts errors, and passes on what was gathered in spite of them.
type countedGatherer struct {
	prometheus.Gatherer
	x    *Exporter
	told *trouble
}

// Gather returns what there is.
func (g countedGatherer) Gather() ([]*dto.MetricFamily, error) {
	all, err := g.Gatherer.Gather()
	if err != nil {
		g.x.counts.gatherErrors.Add(1)
		g.told.outcome("gathering metrics", err)
	}
	return all, nil
}
