package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tlstrace/tlstrace/sink/otlp"
)

// maxHeadersFile bounds the file of --otlp-headers-file.
const maxHeadersFile = 64 << 10

// openExport makes the exporter to an OpenTelemetry collector, or nil without --otlp-endpoint.
func openExport(ctx context.Context, a *agent, b build) (*otlp.Exporter, error) {
	if a.f.otlpEndpoint == "" {
		return nil, nil
	}
	headers, err := readHeaders(a.f.otlpHeaders)
	if err != nil {
		return nil, err
	}
	export, err := otlp.New(ctx, otlp.Options{
		Endpoint: a.f.otlpEndpoint, Headers: headers, Insecure: a.f.otlpInsecure, Node: a.node, Kubernetes: a.names.client != nil,
		Version: b.Version, Gatherer: a.counted.metrics.Registry(), Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("--otlp-endpoint: %w", err)
	}
	return export, nil
}

// readHeaders reads a "name: value" from each line. Empty lines and those that begin with # are passed over. An error names the line
// and not its content, which may be secret.
func readHeaders(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readSmall(path, maxHeadersFile)
	if err != nil {
		return nil, fmt.Errorf("--otlp-headers-file: %w", err)
	}
	headers := map[string]string{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("--otlp-headers-file: %s:%d: must be \"name: value\"", path, number)
		}
		headers[name] = value
	}
	return headers, nil
}
