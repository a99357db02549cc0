package scenarios

import (
	"fmt"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// Result is what was reported of a scenario that was played.
type Result struct {
	Scenario
	Wrong []string // what is not as the truth has it, one sentence each
	Told  []event.Event
	lines []string // the JSON of Told
}

// failures counts the failures that were reported; those folded into one event count each.
func (r Result) failures() int {
	n := 0
	for _, e := range r.Told {
		if e.Outcome == event.Failed {
			n += 1 + e.Repeated
		}
	}
	return n
}

// verdict is that of the first failure that was reported.
func (r Result) verdict() (event.Verdict, bool) {
	for _, e := range r.Told {
		if e.Outcome == event.Failed {
			return e.Verdict, true
		}
	}
	return event.Verdict{}, false
}

// guessed says what was told of a failure that had to be reported, if it was only inferred.
func (r Result) guessed() (string, bool) {
	v, told := r.verdict()
	if !told || r.Truth.Certainty != Must || v.Confidence != event.Inferred {
		return "", false
	}
	return fmt.Sprintf("%s: %s %s: %s", r.Name, v.Confidence, v.Reason, v.Summary), true
}

// Score are the figures of some results. What the wire cannot show ([May]) is counted apart: it lowers no figure when it is not told,
// but what is told of it has to be right.
type Score struct {
	Failures int // connections that failed and had to be reported
	Reported int // of them, those that were reported
	Once     int // of them, those that were reported by exactly one event
	May      int // connections that failed only after the handshake was over on the wire
	MayTold  int
	Healthy  int // healthy and noisy connections

	False int // failures reported for healthy and noisy connections, and those beyond the first for others
	Right int // failures reported first for a connection that failed

	Sure        int // verdicts of Reported with a right reason, exact or derived
	Named       int // verdicts of Reported that name the very cause
	WrongReason int
	WrongGaveUp int
	WrongLookAt int
}

func score(results []Result) Score {
	var s Score
	for _, r := range results {
		s.add(r)
	}
	return s
}

func (s *Score) add(r Result) {
	n, reported := r.failures(), min(r.failures(), 1)
	switch r.Truth.Certainty {
	case Never:
		s.Healthy++
		s.False += n
		return
	case May:
		s.May++
		s.MayTold += reported
	case Must:
		s.Failures++
		s.Reported += reported
		if n == 1 {
			s.Once++
		}
	}
	s.False += n - reported
	if v, told := r.verdict(); told {
		s.Right++
		s.weigh(r.Truth, v)
	}
}

// weigh counts what a verdict says.
func (s *Score) weigh(w Truth, v event.Verdict) {
	must := w.Certainty == Must // what else is told of comes and goes with who was faster
	switch {
	case !w.right(v):
		s.WrongReason++
	case must && v.Confidence != event.Inferred:
		s.Sure++
	}
	if must && v.Reason == w.cause() {
		s.Named++
	}
	if v.GaveUp != event.Unknown && !slices.Contains(w.GaveUp, v.GaveUp) {
		s.WrongGaveUp++
	}
	if v.LookAt != event.Unknown && !slices.Contains(w.LookAt, v.LookAt) {
		s.WrongLookAt++
	}
}

// Line sums up: the last line of docs/truth.md.
func (s Score) Line() string {
	return fmt.Sprintf("truth: %d failures, recall %s%%, precision %s%%, exact %s%%, gave-up wrong %d",
		s.Failures, percent(s.Reported, s.Failures), percent(s.Right, s.Right+s.False), percent(s.Sure, s.Reported), s.WrongGaveUp)
}

// percent rounds down, so that only all is 100.
func percent(part, whole int) string {
	if whole == 0 || part == whole {
		return "100"
	}
	tenths := part * 1000 / whole
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}
