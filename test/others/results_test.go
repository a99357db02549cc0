package others

import (
	"slices"
	"testing"

	"github.com/tlstrace/tlstrace/test/scenarios"
)

// TestResults holds the committed results against the scenarios that there are.
func TestResults(t *testing.T) {
	results, err := ReadResults(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	known := names(scenarios.All(true))
	seen := map[[2]string]bool{}
	for _, r := range results.Results {
		key := [2]string{r.Tool, r.Scenario}
		if seen[key] {
			t.Errorf("%v is there twice", key)
		}
		seen[key] = true
		if !slices.Contains(known, r.Scenario) {
			t.Errorf("no scenario is named %q: run make compare", r.Scenario)
		}
		if results.Tools[r.Tool] == "" {
			t.Errorf("%v: the version of the tool is missing", key)
		}
		if r.Tool == "bpftrace" && !seen[[2]string{"tshark", r.Scenario}] {
			t.Errorf("%q was played beside bpftrace only", r.Scenario)
		}
	}
	for _, tool := range Tools() {
		if !slices.ContainsFunc(results.Results, func(r Result) bool { return r.Tool == tool.Name }) {
			t.Errorf("no results of %s", tool.Name)
		}
	}
}
