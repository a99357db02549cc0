package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/common/expfmt"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink/metrics"
)

// logMetrics counts what logs tell as the agent counts what it sees, under the same names, and writes it at the end.
type logMetrics struct {
	*metrics.Metrics
	w    *world
	path string
}

func newLogMetrics(w *world, path string) (*logMetrics, error) {
	m, err := metrics.New(metrics.Options{Now: w.now})
	if err != nil {
		return nil, err
	}
	return &logMetrics{Metrics: m, w: w, path: path}, nil
}

// Write counts an event for the end whose proxy has logged it, if the log tells which: that is the role in the metric.
func (m *logMetrics) Write(e event.Event) error {
	switch side := loggedBy(&e); side {
	case event.Client:
		e.ObservedFrom = event.FromClient
	case event.Server:
		e.ObservedFrom = event.FromServer
	}
	return m.Metrics.Write(e)
}

// loggedBy is the side whose proxy has logged an event.
func loggedBy(e *event.Event) event.Side {
	switch {
	case e.Library != nil:
		return e.Library.Side
	case e.TCP.How == event.CloseTimeout:
		return e.TCP.ClosedBy
	}
	return e.TCP.ClosedBy.Peer()
}

// Close writes the metrics, in the text format of Prometheus. A file is replaced as a whole, as the textfile collector of
// node_exporter needs it.
func (m *logMetrics) Close() error {
	var text bytes.Buffer
	if err := m.write(&text); err != nil {
		return err
	}
	if m.path == "-" {
		_, err := m.w.stdout.Write(text.Bytes())
		return err
	}
	if err := replaceFile(m.path, text.Bytes()); err != nil {
		return err
	}
	if err := os.Chmod(m.path, 0o644); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	return nil
}

// logFamilies are the metrics to which a log has something to say. Successes are not logged, nor what the kernel does.
var logFamilies = map[string]bool{"tlstrace_events_total": true, "tlstrace_handshake_failures_total": true, "tlstrace_connect_failures_total": true}

func (m *logMetrics) write(out io.Writer) error {
	families, err := m.Registry().Gather()
	if err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	encoder := expfmt.NewEncoder(out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if !logFamilies[family.GetName()] {
			continue
		}
		if err := encoder.Encode(family); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	return nil
}
