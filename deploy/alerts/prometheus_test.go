package alerts

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/prometheus"
)

// patience is how long a Prometheus may take to have scraped what is asked for.
const patience = 2 * time.Minute

// server is a Prometheus of our own, on loopback.
type server struct{ *prometheus.Server }

// startPrometheus starts one that scrapes an agent every second, and evaluates the rules as often.
func startPrometheus(t *testing.T, agent string) server {
	t.Helper()
	return server{prometheus.Start(t, agent, "tlstrace-system", prometheus.Rules(t, rulesFile))}
}

// await asks until the answer has a value that is more than zero.
func (s server) await(t *testing.T, expr string) []prometheus.Sample {
	t.Helper()
	var found []prometheus.Sample
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		found = s.Query(t, expr)
		for _, f := range found {
			if f.Number() > 0 {
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
	running := startPrometheus(t, startAgent(t).URL)
	running.await(t, "count_over_time(up[1m]) > 3")
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
						running.await(t, expr)
					} else if running.Query(t, expr) == nil {
						t.Errorf("no data: %s", expr)
					}
				}
			})
		}
	}
	for _, v := range dashboard(t).Templating.List {
		if of, found := strings.CutPrefix(v.Definition, "label_values("); found {
			t.Run("variable "+v.Name, func(t *testing.T) { running.offers(t, variables.Replace(of)) })
		}
	}
}

// offers wants values for a variable whose definition is SELECTOR, LABEL).
func (s server) offers(t *testing.T, definition string) {
	t.Helper()
	cut := strings.LastIndex(definition, ",")
	name := strings.Trim(definition[cut+1:], " )")
	var values []string
	s.Get(t, "/api/v1/label/"+name+"/values", url.Values{"match[]": {definition[:cut]}}, &values)
	if len(values) == 0 {
		t.Errorf("no value of %s", definition)
	}
}

// TestRulesOnARealPrometheus evaluates all rules on the metrics of a real registry, and waits for what has to fire at once.
func TestRulesOnARealPrometheus(t *testing.T) {
	running := startPrometheus(t, startAgent(t).URL)
	for alert, labels := range map[string]string{
		"TLSServerFailing":  `role="server", namespace="shop", workload="payments"`,
		"TLSRedirectBroken": `role="client", namespace="shop", workload="checkout"`,
	} {
		running.await(t, fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", severity="page", %s}`, alert, labels))
	}
	running.await(t, `pair:tlstrace_handshake_failures:new30m{reason="certificate_expired", peer_workload="checkout"}`)
	running.await(t, `ALERTS{alertname="TlstraceHooksNotAttached", hook="ingress"}`)
	if all := running.Query(t, `{__name__=~"tlstrace_.*", namespace="tlstrace-system", role!=""}`); len(all) > 0 {
		t.Errorf("the agent's namespace is taken for that of what it saw: %v", all)
	}
	var groups struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	running.Get(t, "/api/v1/rules", nil, &groups)
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
