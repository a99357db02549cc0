package libraries

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tlstrace/tlstrace/event"
)

// pagePath is the page that users read.
const pagePath = "../../docs/libraries.md"

const pageHead = `# What each TLS library tells

<!-- Written by "TLSTRACE_LIBRARIES=1 go test ./test/libraries -run TestTable -update", which plays each row between real programs. -->

Each table is a library, as it is shipped, on one side of a connection; the other side is OpenSSL 3.0. A cell holds the
reason that tlstrace reports, how sure it is, and the words of the library that refused: its error and, after a colon, its verify
result. Where the other side refuses, it is the other side's library that tells. Where TLS 1.2 and 1.3 differ, both are given.

`

// page collects what is reported, row by row.
type page struct {
	mu   sync.Mutex
	said map[string]*event.Event // by the name of the row; nil if there was no event
}

func newPage() *page { return &page{said: map[string]*event.Event{}} }

func (p *page) add(r row, e *event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said[r.name()] = e
}

// markdown writes the page.
func (p *page) markdown(programs []program) string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, program := range programs {
		p.section(&b, program)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *page) section(b *strings.Builder, program program) {
	fmt.Fprintf(b, "## %s\n\n| failure | as the client | as the server |\n|---|---|---|\n", program.name)
	var notes []string
	for _, f := range failures() {
		fmt.Fprintf(b, "| %s |", f.name)
		for _, side := range []event.Side{event.Client, event.Server} {
			fmt.Fprintf(b, " %s |", p.cell(program, f, side))
		}
		b.WriteString("\n")
	}
	for _, r := range rows(program) {
		if l, limited := r.limit(); limited && !slices.Contains(notes, l.why) && !p.exact(r) {
			notes = append(notes, l.why)
		}
	}
	for _, n := range notes {
		fmt.Fprintf(b, "\n- %s", n)
	}
	if len(notes) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// exact says that the row told all in spite of its limit.
func (p *page) exact(r row) bool {
	e := p.said[r.name()]
	return e != nil && e.Verdict.Reason == r.failure.reason && e.Verdict.Confidence == event.Exact
}

// cell is what is told of a failure, for both versions if they agree.
func (p *page) cell(program program, f failure, side event.Side) string {
	of := func(version string) string { return p.told(row{program, f, version, side}) }
	if of("1.2") == of("1.3") {
		return of("1.3")
	}
	return "1.2: " + of("1.2") + "; 1.3: " + of("1.3")
}

// told is what is told of a row. Where a limit leaves several readings of the same bytes open, the first is shown: the page must not
// change from run to run.
func (p *page) told(r row) string {
	l, limited := r.limit()
	e := p.said[r.name()]
	switch {
	case limited && l.silent:
		return "nothing, or " + reading(r.failure.reason, event.Inferred)
	case e == nil:
		return "nothing"
	case limited && l.heard && !p.exact(r):
		return reading(l.reasons[0], l.confidence)
	}
	return reading(e.Verdict.Reason, e.Verdict.Confidence) + words(e.Library)
}

func reading(reason event.Reason, c event.Confidence) string {
	return fmt.Sprintf("`%s`, %s", reason, c)
}

func words(l *event.Library) string {
	if l == nil {
		return ""
	}
	text := cmp.Or(l.ErrorText, l.VerifyText)
	if l.ErrorText != "" && l.VerifyText != "" {
		text += ": " + l.VerifyText
	}
	return " (" + strings.ReplaceAll(text, "|", `\|`) + ")" // it is in a table
}
