package privileges

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// outcome is what came of running the program in one setting.
type outcome struct {
	code   int // of doctor
	report tracer.Report
	event  *event.Event // the handshake that failed; nil if it was not told
	ended  int          // exit code of watch
	said   string       // by watch, on standard error
}

// Exit codes of tlstrace.
const (
	exitFine    = 0
	exitNoTrace = 3
)

// row is one setting that was tried, and what has to come of it.
type row struct {
	setting string // as the page calls it
	tried   string
	found   map[string]tracer.Outcome // settings of doctor
	refused map[string]tracer.Refuser // capabilities that are not granted, and why
	blocked bool                      // nothing is traced
	unnamed bool                      // the program at the ends of a handshake has no name
	unheard bool                      // what its TLS library said is not known
}

// meets says how the outcome differs from what the row wants.
func (r row) meets(o outcome) []string {
	wrong := r.differs(o.report)
	if o.report.CanTrace() == r.blocked || o.code != map[bool]int{false: exitFine, true: exitNoTrace}[r.blocked] {
		wrong = append(wrong, fmt.Sprintf("doctor ends with %d, blocked: %v", o.code, !o.report.CanTrace()))
	}
	if r.blocked {
		if o.ended != exitNoTrace || o.event != nil || !strings.Contains(o.said, "tracing needs") && !strings.Contains(o.said, "tlstrace doctor") {
			wrong = append(wrong, fmt.Sprintf("watch ends with %d, tells %v and says %q", o.ended, o.event, o.said))
		}
		return wrong
	}
	return append(wrong, r.tells(o)...)
}

// differs compares what doctor found.
func (r row) differs(report tracer.Report) []string {
	var wrong []string
	for _, p := range report.Permissions {
		if by := r.refused[p.Capability]; p.Granted != (by == "") || p.RefusedBy != by {
			wrong = append(wrong, fmt.Sprintf("%s: granted %v, refused by %q, want %q", p.Capability, p.Granted, p.RefusedBy, by))
		}
	}
	seen := map[string]bool{}
	for _, s := range report.Settings {
		want := tracer.OutcomeFine
		if w, ok := r.found[s.Name]; ok {
			want = w
		}
		seen[s.Name] = true
		if s.Outcome != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s and %s (%s), want %s", s.Name, s.Value, s.Outcome, s.Means, want))
		}
		if s.Outcome != tracer.OutcomeFine && s.Fix == "" {
			wrong = append(wrong, s.Name+": nothing to do is told")
		}
	}
	for name := range r.found {
		if !seen[name] {
			wrong = append(wrong, name+" is not told")
		}
	}
	return wrong
}

// tells compares the handshake that failed: a client that does not know the authority of the server's certificate.
func (r row) tells(o outcome) []string {
	if o.event == nil {
		return []string{fmt.Sprintf("the failed handshake is not told; watch ends with %d and says %q", o.ended, o.said)}
	}
	var wrong []string
	e := o.event
	want := []event.Reason{event.UnknownCA, event.SelfSigned, event.BadCertificate} // on old kernels a library says no more than its alert
	if r.unheard {                                                                  // crypto/tls says no more than bad_certificate to its peer
		want = []event.Reason{event.BadCertificate, event.ServerCertificateRejected}
	}
	if !slices.Contains(want, e.Verdict.Reason) {
		wrong = append(wrong, fmt.Sprintf("reason %q, want one of %v", e.Verdict.Reason, want))
	}
	if named := e.Client.Process != nil && e.Client.Process.Exe != ""; named == r.unnamed {
		wrong = append(wrong, fmt.Sprintf("client's process %+v, unnamed: want %v", e.Client.Process, r.unnamed))
	}
	if heard := e.Library != nil; heard == r.unheard {
		wrong = append(wrong, fmt.Sprintf("library %+v, unheard: want %v", e.Library, r.unheard))
	}
	return wrong
}

// check compares, and shows what doctor said if it is not as it should be.
func (r row) check(t *testing.T, o outcome) {
	t.Helper()
	for _, wrong := range r.meets(o) {
		t.Error(wrong)
	}
	if t.Failed() {
		text, _ := json.Marshal(o.report)
		t.Logf("%s\n%s", text, o.said)
	}
}

// readReport decodes the output of doctor.
func readReport(t *testing.T, text []byte) tracer.Report {
	t.Helper()
	var r tracer.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("doctor -o json: %v: %s", err, text)
	}
	return r
}

// readEvent decodes the first event of watch; nil if there is none.
func readEvent(t *testing.T, text []byte) *event.Event {
	t.Helper()
	line, _, _ := strings.Cut(string(text), "\n")
	if line == "" {
		return nil
	}
	e := &event.Event{}
	if err := json.Unmarshal([]byte(line), e); err != nil {
		t.Fatalf("watch -o json: %v: %s", err, line)
	}
	return e
}
