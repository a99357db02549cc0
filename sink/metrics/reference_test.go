package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const (
	reference = "../../docs/metrics.md"
	begin     = "<!-- What follows is written by: go test ./sink/metrics -update -->\n"
)

// TestReference keeps the list of metrics in docs/metrics.md as the registry has it.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	prose, _, found := strings.Cut(string(raw), begin)
	if !found {
		t.Fatalf("%s has no line %q", reference, begin)
	}
	want := prose + begin + list(t)
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("%s is out of date: go test ./sink/metrics -update\n%s", reference, diff)
	}
}

// TestReferenceSaysWhatIsTested compares the expression for the first failure with the one that promtool was given.
func TestReferenceSaysWhatIsTested(t *testing.T) {
	prose, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("testdata/first_failure.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, expression, found := strings.Cut(string(rules), "record: reason:new5m\n        expr: |\n")
	oneLine := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	if !found || !strings.Contains(oneLine(string(prose)), oneLine(expression)) {
		t.Errorf("%s has not the expression of testdata/first_failure.yaml:\n%s", reference, expression)
	}
}

// list describes every metric, with a line of an exposition.
func list(t *testing.T) string {
	m := example(t)
	text := exposition(t, m)
	all, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range all {
		fmt.Fprintf(&out, "\n### `%s`\n\n%s\n\n%s.%s\n\n```\n%s```\n", f.GetName(), f.GetHelp(), typeOf(f), labelsOf(f), sampleOf(text, f))
	}
	return out.String()
}

func typeOf(f *dto.MetricFamily) string {
	if f.GetType() == dto.MetricType_HISTOGRAM {
		return "Histogram, classic and native"
	}
	kind := strings.ToLower(f.GetType().String())
	return strings.ToUpper(kind[:1]) + kind[1:]
}

func labelsOf(f *dto.MetricFamily) string {
	var all []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		all = append(all, "`"+l.GetName()+"`")
	}
	if len(all) == 0 {
		return ""
	}
	return " Labels: " + strings.Join(all, ", ") + "."
}

// sampleOf is the first line of a metric that is not zero, or its first.
func sampleOf(text string, f *dto.MetricFamily) string {
	var first string
	for line := range strings.Lines(text) {
		name := strings.TrimSuffix(strings.FieldsFunc(line, func(r rune) bool { return r == '{' || r == ' ' })[0], "_bucket")
		switch {
		case name != f.GetName():
		case !strings.HasSuffix(line, " 0\n"):
			return stable(line)
		case first == "":
			first = line
		}
	}
	return stable(first)
}

// stable leaves out what differs from machine to machine.
func stable(line string) string {
	before, after, found := strings.Cut(line, `goversion="`)
	if !found {
		return line
	}
	_, rest, _ := strings.Cut(after, `"`)
	return before + `goversion="go1.26.0"` + rest
}
