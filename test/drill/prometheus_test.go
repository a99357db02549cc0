package drill

import (
	"regexp"
	"testing"

	"github.com/tlstrace/tlstrace/test/prometheus"
)

// withRules starts a Prometheus that scrapes an agent and evaluates the shipped rules every second, with what fires after a minute firing
// after a second.
func withRules(t *testing.T, agent string) *prometheus.Server {
	t.Helper()
	text := prometheus.Rules(t, "../../deploy/alerts/tlstrace.rules.yaml")
	return prometheus.Start(t, agent, "", regexp.MustCompile(`(?m)^        for: 1m$`).ReplaceAll(text, []byte("        for: 1s")))
}
