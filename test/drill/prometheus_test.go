package drill

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// prometheus starts one that scrapes an agent and evaluates the shipped rules every second, with what fires after a minute firing after a
// second. Without rules it has none.
func prometheus(t *testing.T, agent string, rules bool) string {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("prometheus is not installed")
	}
	must(t, err)
	dir := t.TempDir()
	text, err := os.ReadFile("../../deploy/alerts/tlstrace.rules.yaml")
	must(t, err)
	text = regexp.MustCompile(`(?m)^    interval: .*$`).ReplaceAll(text, []byte("    interval: 1s"))
	text = regexp.MustCompile(`(?m)^        for: 1m$`).ReplaceAll(text, []byte("        for: 1s"))
	must(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), text, 0o600))
	files := "[]"
	if rules {
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
		if url, ok := tryPrometheus(t, path, dir); ok {
			return url
		}
	}
	t.Fatal("prometheus does not start")
	return ""
}

// tryPrometheus starts it on a free port, and says whether it became ready before it ended.
func tryPrometheus(t *testing.T, path, dir string) (string, bool) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	log := &lines{}
	cmd.Stderr = log
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case <-ended:
			t.Logf("prometheus: %s", log)
			return "", false
		default:
		}
		if r, err := http.Get("http://" + address + "/-/ready"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return "http://" + address, true
			}
		}
	}
	return "", false
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
