package main

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/fatih/color"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// demoResult is what was made of one scenario.
type demoResult struct {
	Scenario string        `json:"scenario"`
	Expected string        `json:"expected"`
	Caught   string        `json:"caught"`
	OK       bool          `json:"ok"`
	Said     string        `json:"said,omitempty"` // the error that the client's own TLS library gave
	Events   []event.Event `json:"events,omitempty"`
}

// compare sorts the events by the port of the scenario's server, and judges each scenario.
func compare(heard map[string]string, addresses map[string]netip.AddrPort, events []event.Event) []demoResult {
	byServer := map[netip.AddrPort][]event.Event{}
	for _, e := range events {
		at := netip.AddrPortFrom(e.Server.Addr, e.Server.Port)
		byServer[at] = append(byServer[at], e)
	}
	var results []demoResult
	for _, s := range scenarios() {
		mine := byServer[addresses[s.name]]
		results = append(results, demoResult{
			Scenario: s.name,
			Expected: s.want.String(),
			Caught:   spellCaught(mine),
			OK:       s.want.metBy(mine),
			Said:     heard[s.name],
			Events:   mine,
		})
	}
	return results
}

// metBy says whether exactly the failure that is wanted was reported, and the successes.
func (w want) metBy(events []event.Event) bool {
	failures, successes := 0, 0
	resumed, helloRetry := false, false
	for _, e := range events {
		switch e.Outcome {
		case event.Failed:
			if failures++; !w.isFailure(e) {
				return false
			}
		case event.Succeeded:
			successes++
			resumed = resumed || e.TLS != nil && e.TLS.Resumed
			helloRetry = helloRetry || e.TLS != nil && e.TLS.HelloRetry
		case event.Undecided:
			return false
		}
	}
	wantFailures := 1
	if w.healthy() {
		wantFailures = 0
	}
	return failures == wantFailures && successes == w.successes && resumed == w.resumed && helloRetry == w.helloRetry
}

func (w want) isFailure(e event.Event) bool {
	v := e.Verdict
	if slices.Contains(w.library, v.Reason) && v.Confidence == event.Exact {
		return v.GaveUp == w.gaveUp
	}
	return v.Reason == w.reason && v.GaveUp == w.gaveUp && v.Confidence == w.confidence
}

func (w want) String() string {
	if n := len(w.library); n > 0 {
		return spellVerdict(w.library[n-1], w.gaveUp, event.Exact)
	}
	if !w.healthy() {
		return spellVerdict(w.reason, w.gaveUp, w.confidence)
	}
	if w.successes == 0 {
		return "nothing"
	}
	var extra string
	if w.resumed {
		extra = ", one resumed"
	}
	if w.helloRetry {
		extra = ", after a retry"
	}
	return fmt.Sprintf("%d succeeded%s", w.successes, extra)
}

func spellVerdict(reason event.Reason, gaveUp event.Side, confidence event.Confidence) string {
	return fmt.Sprintf("%s, %s gave up (%s)", reason, gaveUp, confidence)
}

// spellCaught tells the failures, or else what became of the connections.
func spellCaught(events []event.Event) string {
	var failures []string
	succeeded, retried, resumed := 0, "", ""
	for _, e := range events {
		switch e.Outcome {
		case event.Failed:
			failures = append(failures, spellVerdict(e.Verdict.Reason, e.Verdict.GaveUp, e.Verdict.Confidence))
		case event.Undecided:
			failures = append(failures, "undecided")
		case event.Succeeded:
			succeeded++
			if e.TLS != nil && e.TLS.Resumed {
				resumed = ", one resumed"
			}
			if e.TLS != nil && e.TLS.HelloRetry {
				retried = ", after a retry"
			}
		}
	}
	switch {
	case len(failures) > 0:
		return strings.Join(failures, " and ")
	case succeeded > 0:
		return fmt.Sprintf("%d succeeded%s%s", succeeded, resumed, retried)
	}
	return "nothing"
}

// printDemo writes the table, and one failure as a ladder.
func printDemo(out io.Writer, results []demoResult, screen sink.Screen) error {
	var b strings.Builder
	width, good := 0, 0
	for _, r := range results {
		width = max(width, len(r.Scenario))
	}
	for _, r := range results {
		writeResult(&b, r, width, screen.Color)
		if r.OK {
			good++
		}
	}
	fmt.Fprintf(&b, "\n%d of %d as expected\n", good, len(results))
	if e := showpiece(results); e != nil {
		b.WriteString("\nOne of them, step by step:\n\n")
		if err := sink.Ladder(&b, screen, *e); err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeResult prints one line, and what should have been caught if it was not.
func writeResult(b *strings.Builder, r demoResult, width int, colored bool) {
	word, paint := "ok  ", color.New(color.FgGreen)
	if !r.OK {
		word, paint = "NOT ", color.New(color.FgRed)
	}
	if colored {
		paint.EnableColor() // the library's default depends on the environment; the caller has decided already
		word = paint.Sprint(word)
	}
	fmt.Fprintf(b, "%s%-*s  %s\n", word, width, r.Scenario, r.Caught)
	if !r.OK {
		fmt.Fprintf(b, "    %-*s  expected: %s\n", width, "", r.Expected)
	}
}

// showpiece picks the failure that has most to show.
func showpiece(results []demoResult) *event.Event {
	var best *event.Event
	for _, r := range results {
		for i, e := range r.Events {
			if e.Outcome == event.Failed && (best == nil || len(e.Records) > len(best.Records)) {
				best = &r.Events[i]
			}
		}
	}
	return best
}
