package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Certainty says whether a failure has to be reported.
type Certainty int

// Whether a failure has to be reported.
const (
	Must  Certainty = iota
	May             // the bytes on the wire are those of a healthy connection: the program refused its peer afterwards
	Never           // healthy
)

// Truth is what really happened, known from how the programs were set up. Where several readings of the same bytes
// are honest, all of them are listed.
type Truth struct {
	Certainty  Certainty
	Reasons    []event.Reason // accepted with any confidence; the first is the very cause
	Vague      []event.Reason // accepted if the verdict calls itself inferred
	GaveUp     []event.Side
	LookAt     []event.Side
	Phases     []event.Phase // empty: any
	Proof      string        // regular expression for what the programs print
	Preface    event.Preface
	AnyPreface bool // it is a matter of taste what a plaintext answer to a hello is
	Lonely     bool // there is no server: observed from the client alone
	// Outcome is what a healthy or noisy connection is reported as, with --all; empty: it is not reported, or as undecided.
	Outcome event.Outcome
}

// cause is the reason that names what was set up.
func (w Truth) cause() event.Reason {
	if len(w.Reasons) == 0 {
		return ""
	}
	return w.Reasons[0]
}

// right says that the reason may be said with this confidence.
func (w Truth) right(v event.Verdict) bool {
	return slices.Contains(w.Reasons, v.Reason) || v.Confidence == event.Inferred && slices.Contains(w.Vague, v.Reason)
}

// judge compares an event with the truth and returns what is wrong, one sentence each.
func (w Truth) judge(e event.Event) []string {
	v := e.Verdict
	wrong := differ("outcome", e.Outcome, []event.Outcome{event.Failed})
	if !w.right(v) {
		wrong = append(wrong, differ("reason ("+string(v.Confidence)+")", v.Reason, w.Reasons)...)
	}
	wrong = append(wrong, differ("layer", v.Layer, []event.Layer{v.Reason.Layer()})...)
	wrong = append(wrong, differ("confidence", v.Confidence, event.Confidences)...)
	wrong = append(wrong, differ("gave_up", v.GaveUp, w.GaveUp)...)
	wrong = append(wrong, differ("look_at", v.LookAt, w.LookAt)...)
	wrong = append(wrong, differ("observed_from", e.ObservedFrom, []event.Vantage{w.vantage()})...)
	if !w.AnyPreface {
		wrong = append(wrong, differ("preface", e.Preface, []event.Preface{w.Preface})...)
	}
	if len(w.Phases) > 0 {
		wrong = append(wrong, differ("phase", v.Phase, w.Phases)...)
	}
	for field, text := range map[string]string{"summary": v.Summary, "hint": v.Hint} {
		if text == "" {
			wrong = append(wrong, field+" is empty")
		}
	}
	return wrong
}

// judgeHealthy checks that what is healthy or noise is reported as that.
func (w Truth) judgeHealthy(told []event.Event) []string {
	is := func(e event.Event) bool { return e.Outcome == w.Outcome }
	if w.Certainty == Never && w.Outcome != "" && !slices.ContainsFunc(told, is) {
		return []string{"not reported as " + string(w.Outcome)}
	}
	return nil
}

func (w Truth) vantage() event.Vantage {
	if w.Lonely {
		return event.FromClient
	}
	return event.FromBoth
}

// differ returns one sentence if got is none of the values wanted.
func differ[T ~string](field string, got T, want []T) []string {
	if slices.Contains(want, got) {
		return nil
	}
	names := make([]string, len(want))
	for i, w := range want {
		names[i] = string(w)
	}
	return []string{fmt.Sprintf("%s: got %q, want %s", field, got, strings.Join(names, " or "))}
}
