package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// certainty says whether a failure has to be reported.
type certainty int

const (
	must  certainty = iota
	may             // the bytes on the wire are those of a healthy connection: the program refused its peer afterwards
	never           // healthy
)

// truth is what really happened, known from how the programs were set up. Where several readings of the same bytes
// are honest, all of them are listed.
type truth struct {
	certainty  certainty
	reasons    []event.Reason // accepted with any confidence
	vague      []event.Reason // accepted if the verdict calls itself inferred
	gaveUp     []event.Side
	lookAt     []event.Side
	phases     []event.Phase // empty: any
	proof      string        // regular expression for what the programs print
	preface    event.Preface
	anyPreface bool // it is a matter of taste what a plaintext answer to a hello is
	lonely     bool // there is no server: observed from the client alone
}

// judge compares an event with the truth and returns what is wrong, one sentence each.
func (w truth) judge(e event.Event) []string {
	v := e.Verdict
	wrong := differ("outcome", e.Outcome, []event.Outcome{event.Failed})
	if v.Confidence != event.Inferred || !slices.Contains(w.vague, v.Reason) {
		wrong = append(wrong, differ("reason ("+string(v.Confidence)+")", v.Reason, w.reasons)...)
	}
	wrong = append(wrong, differ("layer", v.Layer, []event.Layer{v.Reason.Layer()})...)
	wrong = append(wrong, differ("confidence", v.Confidence, event.Confidences)...)
	wrong = append(wrong, differ("gave_up", v.GaveUp, w.gaveUp)...)
	wrong = append(wrong, differ("look_at", v.LookAt, w.lookAt)...)
	wrong = append(wrong, differ("observed_from", e.ObservedFrom, []event.Vantage{w.vantage()})...)
	if !w.anyPreface {
		wrong = append(wrong, differ("preface", e.Preface, []event.Preface{w.preface})...)
	}
	if len(w.phases) > 0 {
		wrong = append(wrong, differ("phase", v.Phase, w.phases)...)
	}
	for field, text := range map[string]string{"summary": v.Summary, "hint": v.Hint} {
		if text == "" {
			wrong = append(wrong, field+" is empty")
		}
	}
	return wrong
}

func (w truth) vantage() event.Vantage {
	if w.lonely {
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
