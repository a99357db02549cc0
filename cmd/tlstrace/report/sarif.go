package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// home is where the checks are documented.
const home = "https://github.com/tlstrace/tlstrace"

// sarif writes SARIF 2.1.0 (OASIS). Live objects have no file: they are named as logical locations only.
func (r *Report) sarif(out io.Writer) error {
	run := sarif.NewRunWithInformationURI("tlstrace lint", home)
	if r.Version != "" {
		run.Tool.Driver.WithVersion(r.Version)
	}
	index := map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		index[c.ID] = i
		run.Tool.Driver.AddRule(rule(c))
	}
	for i := range r.Result.Findings {
		f := &r.Result.Findings[i]
		run.AddResult(sarifResult(f, index[f.Check.ID]))
	}
	run.AddInvocation(r.invocation())
	return sarif.NewReport().AddRun(run).PrettyWrite(out)
}

// invocation says that the run came to its end, and which checks could not be made.
func (r *Report) invocation() *sarif.Invocation {
	inv := sarif.NewInvocation().WithExecutionSuccessful(true)
	for _, c := range r.Result.Skipped {
		text := c.ID + " was skipped: an object kind that it needs was not read."
		inv.AddToolExecutionNotification(sarif.NewNotification().WithLevel("warning").WithMessage(sarif.NewTextMessage(text)))
	}
	return inv
}

func rule(c *lint.Check) *sarif.ReportingDescriptor {
	return sarif.NewRule(c.ID).
		WithName(c.Name).
		WithShortDescription(sarif.NewMultiformatMessageString().WithText(c.Summary)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(c.Explain)).
		WithHelp(sarif.NewMultiformatMessageString().WithText(c.Fix).WithMarkdown(c.Fix)).
		WithHelpURI(home + "/blob/main/docs/lint.md#" + strings.ToLower(c.ID)).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(c.Severity)))
}

func sarifResult(f *lint.Finding, index int) *sarif.Result {
	text := sentence(f.Message)
	if f.Fix != "" {
		text += "\nFix: " + sentence(f.Fix)
	}
	result := sarif.NewRuleResult(f.Check.ID).WithRuleIndex(index).WithLevel(level(f.Severity)).
		WithMessage(sarif.NewTextMessage(text)).AddLocation(location(f.Object, f.Field, f.Line)).
		WithPartialFingerprints(map[string]string{"tlstraceFinding/v1": fingerprint(f)})
	if f.New {
		result.WithBaselineState("new")
	}
	for _, related := range f.Related {
		result.AddRelatedLocation(location(related, "", related.Line).WithMessage(sarif.NewTextMessage(object(related))))
	}
	return result
}

// location names the object, and the line in its file if it has one.
func location(r lint.Ref, field string, line int) *sarif.Location {
	qualified := object(r)
	if field != "" {
		qualified += " " + name(field)
	}
	l := sarif.NewLocation().WithLogicalLocations([]*sarif.LogicalLocation{
		sarif.NewLogicalLocation().WithKind("object").WithName(name(r.Name)).WithFullyQualifiedName(qualified),
	})
	switch r.Source {
	case "":
		return l
	case "-":
		r.Source = "stdin" // code scanning refuses results without a file
	}
	physical := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(uri(r.Source)))
	if line > 0 {
		physical.WithRegion(sarif.NewRegion().WithStartLine(line))
	}
	return l.WithPhysicalLocation(physical)
}

// uri spells a path as a relative URI reference (RFC 3986).
func uri(path string) string {
	return (&url.URL{Path: strings.TrimPrefix(path, "./")}).String()
}

func level(s lint.Severity) string {
	if s == lint.Info {
		return "note"
	}
	return string(s)
}

// fingerprint is the same as long as the finding is: whatever else is in the file, and in whichever line it is.
func fingerprint(f *lint.Finding) string {
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s", f.Check.ID, f.Object.Kind, f.Object.Namespace, f.Object.Name, f.Field)
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}
