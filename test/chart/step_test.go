package chart

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is generated")

// inStep compares a generated file with what it should be, or writes it.
func inStep(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is not what go test ./test/chart -update writes (-is +should be):\n%s", path, diff)
	}
}

// copies are the files that the chart has from elsewhere: a chart cannot read what is outside of its folder.
var copies = []struct{ from, to string }{
	{"../../deploy/alerts/*.yaml", chartDir + "/files/alerts"},
	{"../../deploy/dashboard/*.json", chartDir + "/files/dashboard"},
}

func TestCopiesAreInStep(t *testing.T) {
	for _, c := range copies {
		sources, err := filepath.Glob(c.from)
		must(t, err)
		if len(sources) == 0 {
			t.Errorf("there is no %s", c.from)
		}
		for _, source := range sources {
			text, err := os.ReadFile(source)
			must(t, err)
			inStep(t, filepath.Join(c.to, filepath.Base(source)), string(text))
		}
		left, err := filepath.Glob(c.to + "/*")
		must(t, err)
		if len(left) != len(sources) {
			t.Errorf("%s has %d files, %s are %d", c.to, len(left), c.from, len(sources))
		}
	}
}

// manifests are the files for those without Helm, and the values that they are rendered with.
var manifests = []struct{ name, about, values string }{
	{"tlstrace.yaml", "The agent on every node, privileged.", "namespace: {create: true}"},
	{
		"tlstrace-unprivileged.yaml", "The agent on every node, with the capabilities that it needs and nothing else.",
		"{namespace: {create: true}, securityContext: {privileged: false}}",
	},
	{
		"prometheus-operator.yaml", "For the Prometheus operator and Grafana's sidecar, beside one of the others: how to ask the agents, alerts, dashboards.",
		"{podMonitor: {create: true}, prometheusRule: {create: true}, dashboard: {create: true}}",
	},
}

func TestManifestsAreInStep(t *testing.T) {
	for _, m := range manifests {
		t.Run(m.name, func(t *testing.T) {
			rendered := render(t, m.values)
			if m.name == "prometheus-operator.yaml" {
				rendered = only(rendered, "podmonitor.yaml", "prometheusrule.yaml", "dashboard.yaml")
			}
			inStep(t, filepath.Join(manifestDir, m.name), "# "+m.about+
				" Rendered from deploy/chart by: go test ./test/chart -update\n"+strings.ReplaceAll(rendered, "managed-by: Helm", "managed-by: kubectl"))
		})
	}
}

// only keeps the documents of some templates.
func only(rendered string, templates ...string) string {
	var kept strings.Builder
	for document := range strings.SplitSeq(rendered, "---\n") {
		source, _, _ := strings.Cut(document, "\n")
		for _, name := range templates {
			if strings.HasSuffix(source, "/"+name) {
				kept.WriteString("---\n" + document)
			}
		}
	}
	return kept.String()
}
