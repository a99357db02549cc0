package report

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// The form that CI servers read: a suite for each check, a case for each finding. A check that finds nothing is one case that passes.
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Suites   []suite  `xml:"testsuite"`
	}
	suite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testCase `xml:"testcase"`
	}
	testCase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		File    string   `xml:"file,attr,omitempty"`
		Line    int      `xml:"line,attr,omitempty"`
		Failure *failure `xml:"failure"`
		Skipped *skipped `xml:"skipped"`
		Output  string   `xml:"system-out,omitempty"`
	}
	failure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	skipped struct {
		Message string `xml:"message,attr"`
	}
)

func (r *Report) junit(out io.Writer) error {
	byCheck := map[string][]lint.Finding{}
	for _, f := range r.Result.Findings {
		byCheck[f.Check.ID] = append(byCheck[f.Check.ID], f)
	}
	all := suites{Name: "tlstrace lint"}
	for i := range r.Checks {
		s := r.suite(&r.Checks[i], byCheck[r.Checks[i].ID])
		all.Suites = append(all.Suites, s)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Skipped += s.Skipped
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, xml.Header+string(text)+"\n")
	return err
}

func (r *Report) suite(c *lint.Check, findings []lint.Finding) suite {
	s := suite{Name: c.ID + " " + c.Name}
	class := "tlstrace.lint." + string(c.Topic)
	for i := range findings {
		s.Cases = append(s.Cases, r.testCase(&findings[i], class))
	}
	if len(findings) == 0 {
		s.Cases = []testCase{{Name: c.Summary, Class: class}}
	}
	for _, missed := range r.Result.Skipped {
		if missed.ID == c.ID {
			s.Cases[0].Skipped = &skipped{"an object kind that it needs was not read"}
			s.Skipped = 1
		}
	}
	for _, one := range s.Cases {
		s.Tests++
		if one.Failure != nil {
			s.Failures++
		}
	}
	return s
}

func (r *Report) testCase(f *lint.Finding, class string) testCase {
	title := object(f.Object)
	if f.Field != "" {
		title += " " + name(f.Field)
	}
	t := testCase{Name: title, Class: class, Line: f.Line}
	if f.Object.Source != "-" {
		t.File = name(f.Object.Source)
	}
	text := strings.TrimSpace(sentence(f.Message) + "\nfix: " + sentence(f.Fix))
	if f.Severity.AtLeast(r.FailOn) {
		t.Failure = &failure{Message: sentence(f.Message), Type: string(f.Severity), Text: text}
	} else {
		t.Output = string(f.Severity) + ": " + text
	}
	return t
}
