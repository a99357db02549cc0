// Package prometheus starts a real Prometheus for a test, that scrapes an agent every second.
package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds how long something may take that should happen.
const patience = 60 * time.Second

// Server is a running Prometheus.
type Server struct {
	URL string
}

// Start starts a Prometheus that scrapes the agent at a URL, with rules as a file of rules has them, and ends it with the test. Where
// Prometheus is not installed the test is skipped, but in CI it fails.
func Start(t testing.TB, agent string, rules []byte) *Server {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("prometheus is not installed")
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
    static_configs: [{targets: [%q]}]
`, files, strings.TrimPrefix(agent, "http://")), 0o600))
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

// Series asks for the value of an expression now, and returns how many series it has that are numbers.
func (s *Server) Series(t testing.TB, expr string) int {
	t.Helper()
	r, err := http.Get(s.URL + "/api/v1/query?" + url.Values{"query": {expr}}.Encode())
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	var answer struct {
		Status string
		Data   struct{ Result []struct{ Value [2]any } }
	}
	must(t, json.Unmarshal(text, &answer))
	if answer.Status != "success" {
		t.Fatalf("%s: %s", expr, text)
	}
	n := 0
	for _, result := range answer.Data.Result {
		if result.Value[1] != "NaN" {
			n++
		}
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
