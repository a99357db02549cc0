package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

const (
	runbookDir = "../runbooks"
	reasonsDoc = "reasons.md" // what the runbooks have in common
)

// runbooks are all of them, by the names of their files.
func runbooks(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(runbookDir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = string(text)
	}
	return all
}

func TestEveryAlertHasARunbook(t *testing.T) {
	want := []string{reasonsDoc}
	texts := runbooks(t)
	for _, a := range alerts(t) {
		want = append(want, a.Alert+".md")
		text := texts[a.Alert+".md"]
		if !strings.HasPrefix(text, "# "+a.Alert+"\n") {
			t.Errorf("%s: the runbook has another title", a.Alert)
		}
		if !strings.Contains(text, "\nSeverity: "+a.Labels["severity"]) {
			t.Errorf("%s: the runbook does not say that it is a %s", a.Alert, a.Labels["severity"])
		}
		sections := []string{"## Look", "## Decide", "## Edit", "## Verify", "## If it fires wrongly", "object to edit", "tlstrace watch --agent"}
		if strings.HasPrefix(a.Alert, "TLS") {
			sections = append(sections, "tlstrace explain --agent", "tlstrace lint -A --event failures.jsonl", "verdict.reason", "reason | what it means")
		}
		for _, s := range sections {
			if !strings.Contains(text, s) {
				t.Errorf("%s: the runbook has no %q", a.Alert, s)
			}
		}
	}
	sameFiles(t, runbookDir, want)
}

// row is a line of a table of reasons: the reason, what it means, the object to edit, and the checks that find it.
var row = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+) \\| ([^|]+) \\| ((?:TLT\\d{4}(?:, )?)+|no check) \\|$")

// TestReasonsOfRunbooks compares the tables with the closed set of reasons, and the checks with what lint says that they explain.
func TestReasonsOfRunbooks(t *testing.T) {
	checks := map[string]lint.Check{}
	for _, c := range lint.Checks() {
		checks[c.ID] = c
	}
	told := map[string][]string{}
	for name, text := range runbooks(t) {
		for _, r := range row.FindAllStringSubmatch(text, -1) {
			told[name] = append(told[name], r[1])
			if r[4] == "no check" {
				continue
			}
			for _, id := range strings.Split(r[4], ", ") {
				if !slices.Contains(checks[id].Causes, event.Reason(r[1])) {
					t.Errorf("%s: %s does not explain %s", name, id, r[1])
				}
			}
		}
		for _, reason := range told[name] {
			if event.Reason(reason).Layer() == "" {
				t.Errorf("%s: there is no reason %q", name, reason)
			}
		}
	}
	for _, a := range alerts(t) {
		if strings.HasPrefix(a.Alert, "TLS") && len(told[a.Alert+".md"]) == 0 {
			t.Errorf("%s: no reason is decided by", a.Alert)
		}
	}
	for _, r := range event.Reasons() {
		if r.Layer() != event.LayerNoise && !slices.Contains(told[reasonsDoc], string(r)) {
			t.Errorf("%s does not have %s", reasonsDoc, r)
		}
	}
}

// TestQueriesOfRunbooks looks at the lines of code that are queries.
func TestQueriesOfRunbooks(t *testing.T) {
	known := metricLabels(t)
	for name, text := range runbooks(t) {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "    curl") {
				continue
			}
			for _, s := range scan(t, line).selectors {
				labels, there := known[s.metric]
				if !there || s.addsUpRoles(known) {
					t.Errorf("%s: there is no such metric, or its roles are added up: %s", name, line)
				}
				for _, m := range s.matchers {
					if !slices.Contains(labels, m[0]) {
						t.Errorf("%s: %s has no label %s", name, s.metric, m[0])
					}
				}
			}
		}
	}
}

// flag is a long flag in a runbook.
var flag = regexp.MustCompile(`--([a-z][a-z-]+)`)

// TestFlagsOfRunbooks looks for the flags in the commands' source.
func TestFlagsOfRunbooks(t *testing.T) {
	files, err := filepath.Glob("../../cmd/tlstrace/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no commands: %v", err)
	}
	var source strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for name, text := range runbooks(t) {
		text = regexp.MustCompile(`(?s)amtool.*?WHY`).ReplaceAllString(text, "") // not ours
		for _, f := range flag.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(source.String(), `"`+f[1]+`"`) {
				t.Errorf("%s: no command has a flag --%s", name, f[1])
			}
		}
	}
}
