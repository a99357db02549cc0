// Package alerts tests the alert rules, their runbooks and the dashboard.
package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const rulesFile = "tlstrace.rules.yaml"

// runbookURL is where an alert's runbook is read.
const runbookURL = "https://github.com/tlstrace/tlstrace/blob/main/deploy/runbooks/"

// rule is a rule of Prometheus: an alert, or a recording.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

func (r rule) name() string { return r.Alert + r.Record }

// rules are all of them, in the order in which they are evaluated.
func rules(t *testing.T) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, rulesFile, &file)
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rules", rulesFile)
	}
	return all
}

// alerts are the rules that alert.
func alerts(t *testing.T) []rule {
	t.Helper()
	return slices.DeleteFunc(rules(t), func(r rule) bool { return r.Alert == "" })
}

// read decodes a file of YAML or JSON.
func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestEveryAlertSaysWhatIsNeeded(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		t.Run(a.Alert, func(t *testing.T) {
			if seen[a.Alert] {
				t.Error("there are two of this name")
			}
			seen[a.Alert] = true
			if s := a.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("severity %q", s)
			}
			for _, text := range []string{"summary", "description"} {
				if strings.TrimSpace(a.Annotations[text]) == "" {
					t.Errorf("no %s", text)
				}
			}
			if got, want := a.Annotations["runbook_url"], runbookURL+a.Alert+".md"; got != want {
				t.Errorf("runbook %q, want %q", got, want)
			}
		})
	}
}

// label is a label in the text of an annotation.
var label = regexp.MustCompile(`\$labels\.(\w+)`)

// TestAnnotationsNameLabelsThatExist looks for labels that would be empty.
func TestAnnotationsNameLabelsThatExist(t *testing.T) {
	known := metricLabels(t)
	for _, a := range alerts(t) {
		there := scan(t, a.Expr).labels(known)
		for kind, text := range a.Annotations {
			for _, found := range label.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(there, found[1]) {
					t.Errorf("%s: %s has $labels.%s, which the expression does not", a.Alert, kind, found[1])
				}
			}
		}
	}
}

// TestEveryAlertIsTriedBothWays wants of each alert a test in which it fires, and one in which it nearly does.
func TestEveryAlertIsTriedBothWays(t *testing.T) {
	type check struct {
		Alertname string
		ExpAlerts []any `json:"exp_alerts"`
	}
	var named []string
	for _, a := range alerts(t) {
		named = append(named, a.Alert+".yaml")
		var file struct {
			Tests []struct {
				Name          string
				AlertRuleTest []check `json:"alert_rule_test"`
			}
		}
		read(t, filepath.Join("tests", a.Alert+".yaml"), &file)
		fires, near := 0, 0
		for _, test := range file.Tests {
			silent := !slices.ContainsFunc(test.AlertRuleTest, func(c check) bool { return len(c.ExpAlerts) > 0 })
			if silent != strings.HasPrefix(test.Name, "near: ") {
				t.Errorf("%s: test %q: a test in which nothing fires is called near, and no other", a.Alert, test.Name)
			}
			if silent {
				near++
			} else {
				fires++
			}
			for _, c := range test.AlertRuleTest {
				if c.Alertname != a.Alert {
					t.Errorf("%s: test %q asks for %q", a.Alert, test.Name, c.Alertname)
				}
			}
		}
		if fires == 0 || near == 0 {
			t.Errorf("%s: %d tests in which it fires, %d in which it nearly does", a.Alert, fires, near)
		}
	}
	sameFiles(t, "tests", append(named, "incident.yaml", "quiet.yaml"))
}

// sameFiles wants a directory to hold these files and no others.
func sameFiles(t *testing.T, directory string, want []string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(want, e.Name()) {
			t.Errorf("%s: %s belongs to no alert", directory, e.Name())
		}
		want = slices.DeleteFunc(want, func(w string) bool { return w == e.Name() })
	}
	if len(want) > 0 {
		t.Errorf("%s: missing %q", directory, want)
	}
}
