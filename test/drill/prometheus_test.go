package drill

import (
	"os"
	"regexp"
	"testing"

	"github.com/tlstrace/tlstrace/test/prometheus"
)

// withRules starts a Prometheus that scrapes an agent and evaluates the shipped rules every second, with what fires after a minute firing
// after a second.
func withRules(t *testing.T, agent string) *prometheus.Server {
	t.Helper()
	text, err := os.ReadFile("../../deploy/alerts/tlstrace.rules.yaml")
	must(t, err)
	text = regexp.MustCompile(`(?m)^    interval: .*$`).ReplaceAll(text, []byte("    interval: 1s"))
	text = regexp.MustCompile(`(?m)^        for: 1m$`).ReplaceAll(text, []byte("        for: 1s"))
	return prometheus.Start(t, agent, text)
}
