// Package report shows what lint found: as text for people, as JSON, as SARIF 2.1.0 for code scanning, and as JUnit for CI servers.
//
// Names come from manifests that anybody may have written: they are escaped in every form.
package report

import (
	"fmt"
	"io"

	"github.com/tlstrace/tlstrace/mesh/lint"
	"github.com/tlstrace/tlstrace/sink"
)

// Report is what is shown.
type Report struct {
	Result lint.Result
	// Checks are those that were asked for, made or not.
	Checks []lint.Check
	// Objects is how many objects were looked at, and Unknown how many there were of each kind that lint does not know.
	Objects int
	Unknown map[string]int
	// Gone is how many findings of the baseline are no longer there.
	Gone int
	// Scope is the one namespace of the cluster that was asked about; "" for all, or for files.
	Scope string
	// FailOn is the least severity that makes the command fail; "" if none does.
	FailOn lint.Severity
	// Version is that of tlstrace.
	Version string
	// Screen is what text is drawn on.
	Screen sink.Screen
}

// Formats lists the values that [Report.Write] takes.
func Formats() []string { return []string{"columns", "json", "sarif", "junit"} }

// Write writes the report in one of the [Formats].
func (r *Report) Write(out io.Writer, format string) error {
	switch format {
	case "columns":
		return r.text(out)
	case "json":
		return r.json(out)
	case "sarif":
		return r.sarif(out)
	case "junit":
		return r.junit(out)
	}
	return fmt.Errorf("unknown format %q", format)
}

// Failed says whether there is a finding of the severity that makes the command fail, or a worse one.
func (r *Report) Failed() bool {
	for _, f := range r.Result.Findings {
		if f.Severity.AtLeast(r.FailOn) {
			return true
		}
	}
	return false
}

// maxName and maxMessage bound what is shown of a name and of a sentence, in columns.
const (
	maxName    = 300
	maxMessage = 2_000
)

func name(text string) string     { return sink.Escape(text, maxName) }
func sentence(text string) string { return sink.Escape(text, maxMessage) }

// object spells an object as kubectl does, with its kind.
func object(r lint.Ref) string {
	text := string(r.Kind)
	switch {
	case r.Namespace != "" && r.Name != "":
		text += " " + r.Namespace + "/" + r.Name
	case r.Name != "":
		text += " " + r.Name
	case r.Namespace != "":
		text += " " + r.Namespace
	}
	return name(text)
}

// place is FILE:LINE, or "" for a live object.
func place(source string, line int) string {
	switch {
	case source == "":
		return ""
	case source == "-":
		source = "stdin"
	}
	if line > 0 {
		return fmt.Sprintf("%s:%d", name(source), line)
	}
	return name(source)
}

// count says "1 error", "2 errors".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
