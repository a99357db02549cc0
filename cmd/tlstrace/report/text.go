package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"
	"github.com/mattn/go-runewidth"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// minWidth is the narrowest that sentences are wrapped to; a file gets whole lines.
const minWidth = 40

// text writes each finding as a line that can be searched for, with the sentences below it.
func (r *Report) text(out io.Writer) error {
	var b strings.Builder
	for i := range r.Result.Findings {
		r.finding(&b, &r.Result.Findings[i])
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	for _, line := range wrap(r.summary(), r.Screen.Width) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Report) finding(b *strings.Builder, f *lint.Finding) {
	head := []part{
		{severityStyle(f.Severity), fmt.Sprintf("%-7s", f.Severity)}, {color.Bold, f.Check.ID}, {color.Reset, object(f.Object)},
	}
	if f.Field != "" {
		head = append(head, part{color.Reset, name(f.Field)})
	}
	if at := place(f.Object.Source, f.Line); at != "" {
		head = append(head, part{color.Faint, at})
	}
	if f.New {
		head = append(head, part{color.FgGreen, "new"})
	}
	r.head(b, head)
	r.paragraph(b, "", f.Message)
	r.paragraph(b, "fix: ", f.Fix)
}

// part is one part of a line.
type part struct {
	style color.Attribute // Reset for plain text
	text  string
}

// head writes the parts in one line, or in several where the screen is too narrow.
func (r *Report) head(b *strings.Builder, parts []part) {
	used := 0
	for i, p := range parts {
		width := runewidth.StringWidth(p.text)
		switch {
		case i == 0:
		case r.Screen.Width >= minWidth && used+2+width > r.Screen.Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteString("  ")
			used += 2
		}
		b.WriteString(r.paint(p.style, p.text))
		used += width
	}
	b.WriteByte('\n')
}

// indent is where the sentences begin: below the check's ID.
const indent = 9

func (r *Report) paragraph(b *strings.Builder, label, text string) {
	if text == "" {
		return
	}
	for _, line := range wrap(label+sentence(text), r.Screen.Width-indent) {
		b.WriteString(strings.Repeat(" ", indent) + line + "\n")
	}
}

// wrap breaks text between words; a width below minWidth leaves it in one line.
func wrap(text string, width int) []string {
	if width < minWidth {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func severityStyle(s lint.Severity) color.Attribute {
	switch s {
	case lint.Error:
		return color.FgHiRed
	case lint.Warning:
		return color.FgYellow
	}
	return color.FgCyan
}

func (r *Report) paint(style color.Attribute, text string) string {
	if !r.Screen.Color || style == color.Reset {
		return text
	}
	c := color.New(style)
	c.EnableColor() // the library's default depends on the environment; the caller has decided already
	return c.Sprint(text)
}

// summary says how much was found, in what, and what was not looked at or shown.
func (r *Report) summary() string {
	counts := r.counts()
	what := "nothing wrong"
	if len(r.Result.Findings) > 0 {
		what = count(counts[lint.Error], "error", "errors") + ", " + count(counts[lint.Warning], "warning", "warnings") + ", " +
			fmt.Sprintf("%d info", counts[lint.Info])
	}
	parts := []string{fmt.Sprintf("%s in %s (%s)", what, count(r.Objects, "object", "objects"), count(r.Result.Checks, "check", "checks"))}
	if r.Scope != "" {
		parts = append(parts, "namespace "+name(r.Scope)+" only, -A checks all")
	}
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(r.Result.Ignored, "ignored by annotation")
	add(r.Result.Baselined, "in the baseline")
	add(r.Gone, "of the baseline gone: write it anew")
	add(r.Result.Dropped, "more not shown")
	if n := len(r.Result.Skipped); n > 0 {
		parts = append(parts, count(n, "check", "checks")+" skipped")
	}
	add(r.unknown(), "objects of other kinds passed over")
	return strings.Join(parts, "; ")
}

func (r *Report) counts() map[lint.Severity]int {
	n := map[lint.Severity]int{}
	for _, f := range r.Result.Findings {
		n[f.Severity]++
	}
	return n
}

func (r *Report) unknown() int {
	sum := 0
	for _, n := range r.Unknown {
		sum += n
	}
	return sum
}
