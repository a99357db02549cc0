package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// Markdown documents checks: a table, then a section for each, whose anchor is its ID.
func Markdown(out io.Writer, checks []lint.Check) error {
	var b strings.Builder
	b.WriteString("| check | severity | what is wrong |\n|---|---|---|\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "| [%s](#%s) `%s` | %s | %s |\n", c.ID, strings.ToLower(c.ID), c.Name, c.Severity, strings.ReplaceAll(c.Summary, "|", `\|`))
	}
	topic := lint.Topic("")
	for _, c := range checks {
		if c.Topic != topic {
			topic = c.Topic
			fmt.Fprintf(&b, "\n## Checks: %s\n", topic)
		}
		section(&b, c)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func section(b *strings.Builder, c lint.Check) {
	fmt.Fprintf(b, "\n### %s\n\n`%s`, %s. %s\n\n%s\n\n**Fix:** %s\n", c.ID, c.Name, c.Severity, c.Summary, c.Explain, c.Fix)
	var facts []string
	if len(c.Known) > 0 {
		facts = append(facts, "also: "+strings.Join(c.Known, ", "))
	}
	if len(c.Needs) > 0 {
		facts = append(facts, "needs: "+list(c.Needs))
	}
	if len(c.Causes) > 0 {
		facts = append(facts, "explains: "+list(c.Causes))
	}
	if len(facts) > 0 {
		fmt.Fprintf(b, "\n*%s*\n", strings.Join(facts, "; "))
	}
}

func list[S ~string](items []S) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = "`" + string(s) + "`"
	}
	return strings.Join(out, ", ")
}
