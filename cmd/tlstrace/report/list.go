package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

// check is the JSON form of a check's documentation.
type check struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Topic    lint.Topic     `json:"topic"`
	Severity lint.Severity  `json:"severity"`
	Summary  string         `json:"summary"`
	Explain  string         `json:"explain"`
	Fix      string         `json:"fix"`
	Known    []string       `json:"known,omitempty"`
	Needs    []lint.Kind    `json:"needs,omitempty"`
	Causes   []event.Reason `json:"causes,omitempty"`
}

// ListJSON documents the checks of the report as a JSON array.
func (r *Report) ListJSON(out io.Writer) error {
	all := []check{}
	for _, c := range r.Checks {
		all = append(all, check{c.ID, c.Name, c.Topic, c.Severity, c.Summary, c.Explain, c.Fix, c.Known, c.Needs, c.Causes})
	}
	return WriteJSON(out, all)
}

// List documents the checks of the report for people.
func (r *Report) List(out io.Writer) error {
	var b strings.Builder
	topic := lint.Topic("")
	for _, c := range r.Checks {
		if c.Topic != topic {
			topic = c.Topic
			b.WriteString(r.paint(color.Bold, strings.ToUpper(string(topic))) + "\n")
		}
		fmt.Fprintf(&b, "%s  %s  %s\n", r.paint(color.Bold, c.ID), r.paint(severityStyle(c.Severity), fmt.Sprintf("%-7s", c.Severity)), c.Name)
		r.paragraph(&b, "", c.Summary)
		r.paragraph(&b, "why: ", c.Explain)
		r.paragraph(&b, "fix: ", c.Fix)
		r.paragraph(&b, "also: ", strings.Join(c.Known, ", "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}
