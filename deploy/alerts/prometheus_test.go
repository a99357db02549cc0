package alerts

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
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a Prometheus may take to start, or to have scraped what is asked for.
const patience = 2 * time.Minute

// server is a Prometheus of our own, on loopback.
type server struct{ url string }

// startPrometheus starts one that scrapes an agent every second, and evaluates the rules as often. honor_labels is what the README wants:
// the label namespace is the workload's, not the agent's.
func startPrometheus(t *testing.T, agent string) server {
	t.Helper()
	path, dir := program(t, "prometheus"), t.TempDir()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^    interval: .*$`).ReplaceAll(text, []byte("    interval: 1s"))
	write(t, filepath.Join(dir, rulesFile), string(text))
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: tlstrace
    honor_labels: true
    static_configs:
      - targets: [%q]
        labels: {namespace: tlstrace-system}
`, rulesFile, strings.TrimPrefix(agent, "http://")))
	for range 5 { // a port that is free now may be taken in a moment
		if s, ok := tryPrometheus(t, path, dir, freePort(t)); ok {
			return s
		}
	}
	t.Fatal("prometheus does not start")
	return server{}
}

// tryPrometheus starts it, and says whether it became ready before it ended.
func tryPrometheus(t *testing.T, path, dir string, port int) (server, bool) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s := server{"http://" + address}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case <-ended:
			t.Logf("prometheus: %s", log)
			return s, false
		default:
		}
		if r, err := http.Get(s.url + "/-/ready"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return s, true
			}
		}
	}
	return s, false
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// get asks the API.
func (s server) get(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	r, err := http.Get(s.url + path + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %s: %v %s %s", path, query, err, answer.Error, text)
	}
}

// sample is a series of an answer, and its value.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (s sample) number() float64 {
	text, _ := s.Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

func (s server) query(t *testing.T, expr string) []sample {
	t.Helper()
	var found struct{ Result []sample }
	s.get(t, "/api/v1/query", url.Values{"query": {expr}}, &found)
	return found.Result
}

// await asks until the answer has a value that is more than zero.
func (s server) await(t *testing.T, expr string) []sample {
	t.Helper()
	var found []sample
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		found = s.query(t, expr)
		for _, f := range found {
			if f.number() > 0 {
				return found
			}
		}
	}
	t.Errorf("no data, or nothing but zero: %s: %v", expr, found)
	return found
}

// healthyAtZero are panels in which all is well if there is nothing but zero.
var healthyAtZero = map[string]bool{"Figures unreadable, series folded": true}

// TestDashboardOnARealPrometheus asks each query of each panel, and the values of each variable.
func TestDashboardOnARealPrometheus(t *testing.T) {
	prometheus := startPrometheus(t, startAgent(t).URL)
	prometheus.await(t, "count_over_time(up[1m]) > 3")
	for _, role := range []string{"server", "client"} {
		for _, p := range dashboard(t).panels() {
			if role == "client" && p.Type == "heatmap" || role == "client" && strings.Contains(p.Title, "percentile") {
				continue // the agent of this test measured its servers
			}
			t.Run(role+"/"+p.Title, func(t *testing.T) {
				for _, target := range p.Targets {
					expr := variables.Replace(strings.ReplaceAll(target.Expr, "$role", role))
					if role == "client" {
						expr = strings.ReplaceAll(expr, "reset_by_client|reset_by_server|reset_in_between", "redirect_refused")
					}
					if !healthyAtZero[p.Title] {
						prometheus.await(t, expr)
					} else if prometheus.query(t, expr) == nil {
						t.Errorf("no data: %s", expr)
					}
				}
			})
		}
	}
	for _, v := range dashboard(t).Templating.List {
		if of, found := strings.CutPrefix(v.Definition, "label_values("); found {
			t.Run("variable "+v.Name, func(t *testing.T) { prometheus.offers(t, variables.Replace(of)) })
		}
	}
}

// offers wants values for a variable whose definition is SELECTOR, LABEL).
func (s server) offers(t *testing.T, definition string) {
	t.Helper()
	cut := strings.LastIndex(definition, ",")
	name := strings.Trim(definition[cut+1:], " )")
	var values []string
	s.get(t, "/api/v1/label/"+name+"/values", url.Values{"match[]": {definition[:cut]}}, &values)
	if len(values) == 0 {
		t.Errorf("no value of %s", definition)
	}
}

// TestRulesOnARealPrometheus evaluates all rules on the metrics of a real registry, and waits for what has to fire at once.
func TestRulesOnARealPrometheus(t *testing.T) {
	prometheus := startPrometheus(t, startAgent(t).URL)
	for alert, labels := range map[string]string{
		"TLSServerFailing":  `role="server", namespace="shop", workload="payments"`,
		"TLSRedirectBroken": `role="client", namespace="shop", workload="checkout"`,
	} {
		prometheus.await(t, fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", severity="page", %s}`, alert, labels))
	}
	prometheus.await(t, `pair:tlstrace_handshake_failures:new30m{reason="certificate_expired", peer_workload="checkout"}`)
	prometheus.await(t, `ALERTS{alertname="TlstraceHooksNotAttached", hook="ingress"}`)
	if all := prometheus.query(t, `{__name__=~"tlstrace_.*", namespace="tlstrace-system", role!=""}`); len(all) > 0 {
		t.Errorf("the agent's namespace is taken for that of what it saw: %v", all)
	}
	var groups struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	prometheus.get(t, "/api/v1/rules", nil, &groups)
	seen := 0
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			seen++
			if r.Health != "ok" {
				t.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if want := len(rules(t)); seen != want {
		t.Errorf("%d rules are evaluated, of %d", seen, want)
	}
}
