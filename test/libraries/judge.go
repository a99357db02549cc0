package libraries

import (
	"fmt"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// judge compares an event with what happened and returns what is wrong, one sentence each. A limit excuses a row: if more is told
// than it admits, so much the better.
func (r row) judge(e event.Event) []string {
	wrong := differ(nil, "outcome", e.Outcome, event.Failed)
	wrong = differ(wrong, "gave_up", e.Verdict.GaveUp, r.failure.judge)
	limit, limited := r.limit()
	if !limited || !limit.admits(e.Verdict) {
		wrong = differ(wrong, "reason", e.Verdict.Reason, r.failure.reason)
		wrong = differ(wrong, "confidence", e.Verdict.Confidence, event.Exact)
	}
	if limited && limit.heard && limit.admits(e.Verdict) {
		return wrong
	}
	return append(wrong, r.judgeLibrary(e.Library)...)
}

// judgeLibrary checks that the library which is quoted is that of the side that refused.
func (r row) judgeLibrary(l *event.Library) []string {
	if l == nil {
		return []string{"library: absent"}
	}
	refused := r.program
	if r.side != r.failure.judge {
		refused = ownOpenSSL()
	}
	wrong := differ(nil, "library.side", l.Side, r.failure.judge)
	wrong = differ(wrong, "library.name", l.Name, refused.family)
	// The version of a program that was gone before it was looked at is not known.
	if l.Version != "" && !strings.HasPrefix(l.Version, refused.version) {
		wrong = differ(wrong, "library.version", l.Version, refused.version)
	}
	if l.ErrorText == "" && l.VerifyText == "" {
		wrong = append(wrong, "library: it says nothing")
	}
	return wrong
}

// differ adds a sentence if got is not what is wanted.
func differ[T ~string](wrong []string, field string, got, want T) []string {
	if got == want {
		return wrong
	}
	return append(wrong, fmt.Sprintf("%s: got %q, want %q", field, got, want))
}
