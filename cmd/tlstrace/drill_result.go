package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// drillResult is what became of the failures of one reason.
type drillResult struct {
	Reason event.Reason `json:"reason"`
	Made   int          `json:"made"`
	Said   string       `json:"said,omitempty"` // what the client's own TLS library said of the last
	OK     bool         `json:"ok"`
	Steps  []drillStep  `json:"steps"`
}

// drillStep is one place where the failures had to arrive.
type drillStep struct {
	Step   string `json:"step"` // made, event, metric, alert
	OK     bool   `json:"ok"`
	Seen   string `json:"seen"`              // in words
	LookAt string `json:"look_at,omitempty"` // where it is not OK
}

func (r *drillResult) add(s drillStep) {
	r.Steps = append(r.Steps, s)
	r.OK = r.OK && s.OK
}

func newDrillResult(m *made) drillResult {
	r := drillResult{Reason: m.failure.reason, Made: m.count, Said: sink.Escape(m.said, 200), OK: true}
	s := drillStep{Step: "made", OK: m.passed == 0, Seen: fmt.Sprintf("%d, and the client said: %s", m.count, r.Said)}
	if !s.OK {
		s.Seen = fmt.Sprintf("%d of %d connections did not fail", m.passed, m.count)
		s.LookAt = "who answers in the server's place: a sidecar's proxy, at either end? The drill's pods must not be in the mesh"
	}
	r.add(s)
	return r
}

// event waits until the agent has told of all.
func (d *drill) event(ctx context.Context, r *drillResult, m *made, events source) (*arrival, error) {
	ctx, stop := context.WithTimeout(ctx, d.f.wait)
	defer stop()
	a, err := m.listen(ctx, events)
	if err != nil {
		return nil, err
	}
	s := drillStep{Step: "event", OK: a.reasons[m.failure.reason] == m.count && len(a.reasons) == 1, Seen: a.told()}
	switch {
	case s.OK:
		s.Seen += fmt.Sprintf(" (%s), as in: %s", a.example.Verdict.Confidence, a.example.Verdict.Summary)
	case len(a.reasons) == 0:
		s.LookAt = "is that the agent of this node, does it run (readyz) with its hooks attached (tlstrace doctor), and does its own filter let " +
			string(m.failure.reason) + " pass?"
	case len(a.reasons) == 1 && a.reasons[m.failure.reason] > 0:
		s.LookAt = "are events lost (tlstrace_events_lost_total), or is --fold longer than --wait?"
	case m.failure.library:
		s.LookAt = "only the TLS library knows this reason: has the agent probes in Go's (tlstrace_library_targets)?"
	default:
		s.LookAt = "the agent saw the failures and took them for others: tlstrace explain " + a.example.ID
	}
	r.add(s)
	return a, nil
}

// metric waits until the agent has counted them, by exactly as many.
func (d *drill) metric(ctx context.Context, r *drillResult, m *made, a *arrival, before map[string]*dto.MetricFamily) error {
	ctx, stop := context.WithTimeout(ctx, d.f.wait)
	defer stop()
	risen, err := d.agent.rise(ctx, before, m.failure.reason, a.series)
	if err != nil {
		return err
	}
	s := drillStep{Step: "metric", OK: true}
	var seen []string
	for key, n := range a.series {
		seen = append(seen, fmt.Sprintf("%+d for %s", risen[key], key))
		switch {
		case risen[key] < n:
			s.OK, s.LookAt = false, "is the workload counted as ~other (tlstrace_series_folded_total)?"
		case risen[key] > n && key.workload == "":
			seen[len(seen)-1] += ", with others on this host that are in no pod"
		case risen[key] > n:
			s.OK, s.LookAt = false, "did others of this workload fail for the same reason meanwhile? Else one failure is counted twice"
		}
	}
	slices.Sort(seen)
	s.Seen = counterOf(m.failure.reason) + " " + strings.Join(seen, ", ")
	r.add(s)
	return nil
}

// alert waits for the alert.
func (d *drill) alert(ctx context.Context, r *drillResult, m *made, a *arrival) error {
	hoped, err := newHopedAlert(*d.alerts, m, a)
	if err != nil {
		return err
	}
	waiting, stop := context.WithTimeout(ctx, d.f.wait)
	defer stop()
	state, err := hoped.await(waiting, d.f.until.Value)
	if err != nil {
		return err
	}
	s := drillStep{Step: "alert", OK: state == alertFiring || state == d.f.until.Value, Seen: hoped.rule.Alert + " is " + state}
	switch state {
	case alertTrue:
		s.Seen = "the expression of " + hoped.rule.Alert + " is true, and it is neither pending nor firing"
	case alertSilent:
		s.Seen = hoped.rule.Alert + " is neither pending nor firing"
	}
	if !s.OK {
		s.LookAt = hoped.whyNot(ctx, state)
	}
	r.add(s)
	return nil
}

// verdictOf is [errFindings] if something did not arrive; a drill that could not be done has said so already.
func verdictOf(results []drillResult, err error) error {
	if err == nil && slices.ContainsFunc(results, func(r drillResult) bool { return !r.OK }) {
		return errFindings
	}
	return nil
}

func printDrill(out io.Writer, results []drillResult, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(out)
		var errs []error
		for _, r := range results {
			errs = append(errs, encoder.Encode(r))
		}
		return errors.Join(errs...)
	}
	var b strings.Builder
	for _, r := range results {
		word := "arrived"
		if !r.OK {
			word = "DID NOT ARRIVE"
		}
		fmt.Fprintf(&b, "%s: %s\n", r.Reason, word)
		for _, s := range r.Steps {
			word := "ok "
			if !s.OK {
				word = "NOT"
			}
			fmt.Fprintf(&b, "  %s %-6s  %s\n", word, s.Step, s.Seen)
			if s.LookAt != "" {
				fmt.Fprintf(&b, "              look at: %s\n", s.LookAt)
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// listDrill prints what can be made to fail.
func listDrill(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s %-24s %s\n", "REASON", "ALERT", "IT TAKES")
	for _, f := range drillFailures() {
		takes := fmt.Sprintf("%d at once", f.count)
		if f.every > 0 {
			takes = fmt.Sprintf("%d, one each %s", f.count, f.every)
		}
		if f.library {
			takes += ", and probes in Go's library"
		}
		fmt.Fprintf(&b, "%-28s %-24s %s\n", f.reason, f.alert, takes)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
