package otlp

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collectlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP/HTTP receiver: it decodes what comes, and answers as it is told to.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	status  int           // of answers; 0 is 200
	hold    chan struct{} // answers wait for it, if it is not nil
	headers http.Header   // of the last request
	logs    []*logs.ResourceLogs
	metrics []*metrics.ResourceMetrics
}

func receive(t *testing.T) *receiver {
	r := &receiver{t: t}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.release()
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	raw := r.body(q)
	r.mu.Lock()
	status, hold := r.status, r.hold
	r.headers = q.Header
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-q.Context().Done():
			return
		}
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	r.keep(q.URL.Path, raw)
}

func (r *receiver) body(q *http.Request) []byte {
	in := io.Reader(q.Body)
	if q.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(in)
		if err != nil {
			r.t.Error(err)
			return nil
		}
		in = z
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		r.t.Log(err) // the exporter gave up
	}
	return raw
}

func (r *receiver) keep(path string, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch path {
	case "/v1/logs":
		var q collectlogs.ExportLogsServiceRequest
		if err := proto.Unmarshal(raw, &q); err != nil {
			r.t.Error(err)
		}
		r.logs = append(r.logs, q.ResourceLogs...)
	case "/v1/metrics":
		var q collectmetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(raw, &q); err != nil {
			r.t.Error(err)
		}
		r.metrics = append(r.metrics, q.ResourceMetrics...)
	default:
		r.t.Errorf("a request for %s", path)
	}
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) block() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold = make(chan struct{})
}

func (r *receiver) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hold != nil {
		close(r.hold)
		r.hold = nil
	}
}

func (r *receiver) records() []*logs.LogRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*logs.LogRecord
	for _, resource := range r.logs {
		for _, scope := range resource.ScopeLogs {
			all = append(all, scope.LogRecords...)
		}
	}
	return all
}

// values are attributes as Go has them.
func values(all []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range all {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = v.IntValue
		case *common.AnyValue_BoolValue:
			m[kv.Key] = v.BoolValue
		case *common.AnyValue_DoubleValue:
			m[kv.Key] = v.DoubleValue
		case *common.AnyValue_ArrayValue:
			var list []string
			for _, item := range v.ArrayValue.Values {
				list = append(list, item.GetStringValue())
			}
			m[kv.Key] = list
		}
	}
	return m
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// told collects what a logger was told.
type told struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *told) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
