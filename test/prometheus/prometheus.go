// Package prometheus starts a real Prometheus for a test, that scrapes an agent every second.
package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds how long something may take that should happen.
const patience = 2 * time.Minute

// Server is a running Prometheus.
type Server struct {
	URL string
}

// Rules are the shipped rules in a file, to be evaluated every second.
func Rules(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return interval.ReplaceAll(text, []byte("    interval: 1s"))
}

var interval = regexp.MustCompile(`(?m)^    interval: .*$`)

// Start starts a Prometheus that scrapes the agent at a URL as a pod of the namespace, or of none, and evaluates rules as a file of rules
// has them. It ends with the test. honor_labels is what the chart's README wants: the label namespace is the workload's, not the agent's. Where
// Prometheus is not installed the test is skipped, but in CI it fails.
func Start(t testing.TB, agent, namespace string, rules []byte) *Server {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("no prometheus: install Debian's package prometheus")
	}
	must(t, err)
	dir := t.TempDir()
	files := "[]"
	if len(rules) > 0 {
		must(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), rules, 0o600))
		files = "[rules.yaml]"
	}
	must(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: %s
scrape_configs:
  - job_name: tlstrace
    honor_labels: true
    static_configs: [{targets: [%q], labels: {namespace: %q}}]
`, files, strings.TrimPrefix(agent, "http://"), namespace), 0o600))
	for range 5 { // a port that is free now may be taken in a moment
		if address, ok := try(t, path, dir); ok {
			return &Server{URL: "http://" + address}
		}
	}
	t.Fatal("prometheus does not start")
	return nil
}

// try starts it on a free port, and says whether it became ready before it ended.
func try(t testing.TB, path, dir string) (address string, ok bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address = l.Addr().String()
	must(t, l.Close())
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer log.Close()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Stderr = log
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // killed, or its log says why
	t.Cleanup(func() { stop(); <-ended })
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name()) // as much as there is
			t.Logf("prometheus: %s", said)
			return "", false
		default:
		}
		if r, err := http.Get("http://" + address + "/-/ready"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return address, true
			}
		}
	}
	return "", false
}

// Get asks the API, and reads the data of the answer.
func (s *Server) Get(t testing.TB, path string, query url.Values, data any) {
	t.Helper()
	r, err := http.Get(s.URL + path + "?" + query.Encode())
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %s: %v %s %s", path, query, err, answer.Error, text)
	}
}

// Sample is a series of an answer, and its value.
type Sample struct {
	Metric map[string]string
	Value  [2]any
}

// Number is the value; it may be NaN.
func (s Sample) Number() float64 {
	text, _ := s.Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

// Query asks for the value of an expression now.
func (s *Server) Query(t testing.TB, expr string) []Sample {
	t.Helper()
	var found struct{ Result []Sample }
	s.Get(t, "/api/v1/query", url.Values{"query": {expr}}, &found)
	return found.Result
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
