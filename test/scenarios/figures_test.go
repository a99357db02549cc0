package scenarios

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// TestLineIsReadBack checks that a drop of any figure is found in the line that is committed.
func TestLineIsReadBack(t *testing.T) {
	expired := Truth{Reasons: []event.Reason{event.CertificateExpired}, GaveUp: []event.Side{event.Client}, LookAt: []event.Side{event.Server}}
	told := func(side event.Side, c event.Confidence) event.Event {
		v := event.Verdict{Reason: event.CertificateExpired, GaveUp: side, LookAt: event.Server, Confidence: c}
		return event.Event{Outcome: event.Failed, Verdict: v}
	}
	good := Result{Scenario: Scenario{Truth: expired}, Told: []event.Event{told(event.Client, event.Exact)}}
	healthy := Result{Scenario: Scenario{Truth: Truth{Certainty: Never}}}
	for name, c := range map[string]struct {
		line    string
		results []Result
	}{
		"all right": {"truth: 2 failures, recall 100%, precision 100%, exact 100%, gave-up wrong 0", []Result{good, good, healthy}},
		"one fewer": {"truth: 1 failures, recall 100%, precision 100%, exact 100%, gave-up wrong 0", []Result{good}},
		"one missed": {
			"truth: 2 failures, recall 50.0%, precision 100%, exact 100%, gave-up wrong 0",
			[]Result{good, {Scenario: Scenario{Truth: expired}}},
		},
		"one told twice": {
			"truth: 2 failures, recall 100%, precision 66.6%, exact 100%, gave-up wrong 0",
			[]Result{good, {Scenario: Scenario{Truth: expired}, Told: []event.Event{told(event.Client, event.Exact), told(event.Client, event.Exact)}}},
		},
		"a false alarm": {
			"truth: 2 failures, recall 100%, precision 66.6%, exact 100%, gave-up wrong 0",
			[]Result{good, good, {Scenario: Scenario{Truth: Truth{Certainty: Never}}, Told: good.Told}},
		},
		"one inferred": {
			"truth: 2 failures, recall 100%, precision 100%, exact 50.0%, gave-up wrong 0",
			[]Result{good, {Scenario: Scenario{Truth: expired}, Told: []event.Event{told(event.Client, event.Inferred)}}},
		},
		"the wrong side": {
			"truth: 2 failures, recall 100%, precision 100%, exact 100%, gave-up wrong 1",
			[]Result{good, {Scenario: Scenario{Truth: expired}, Told: []event.Event{told(event.Server, event.Exact)}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			line := score(c.results).Line()
			if line != c.line {
				t.Fatalf("got %q, want %q", line, c.line)
			}
			now, err := parseFigures(line)
			if err != nil {
				t.Fatal(err)
			}
			best := Figures{Failures: 2, Recall: 100, Precision: 100, Exact: 100}
			if dropped := len(now.worse(best)) > 0; dropped != (name != "all right") {
				t.Errorf("worse than before: %v", now.worse(best))
			}
		})
	}
}
