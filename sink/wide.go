package sink

import (
	"fmt"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// maxTrail bounds how many records a trail spells.
const maxTrail = 16

// factLines are the lines that `wide` adds under an event on a terminal: how it went, what the hellos said, what was said at the
// end, and the records. Facts that belong together share a line.
func (c *Columns) factLines(e *event.Event) string {
	facts := map[string]string{}
	for _, f := range c.screen.facts(e) {
		facts[f.name] = f.value
	}
	named := func(names ...string) []string {
		var texts []string
		for _, name := range names {
			if facts[name] != "" {
				texts = append(texts, name+" "+facts[name])
			}
		}
		return texts
	}
	ends := "seen from " + c.screen.vantage(e.ObservedFrom)
	first := []string{c.screen.closeText(e) + " after " + spellSeconds(e.Duration, c.screen.ASCII), ends}
	if p := e.Verdict.Phase; p != "" {
		first = append([]string{"phase " + c.screen.safe(string(p))}, first...)
	}
	out := c.factLine(first)
	out += c.factLine(named("SNI", "versions", "ALPN"))
	out += c.factLine(named("cipher", "group", "client cert", "session"))
	out += c.factLine(named("alert", "library"))
	last := named("JA4")
	if e.ID != "" {
		last = append(last, "id "+c.screen.safe(e.ID)) // for explain
	}
	return out + c.factLine(last) + c.factLine([]string{c.screen.trail(e.Records)})
}

// factLine joins facts, and wraps them under the row they belong to.
func (c *Columns) factLine(texts []string) string {
	s := c.screen
	indent := strings.Repeat(" ", narrowIndent)
	var out strings.Builder
	for i, line := range wrap(strings.Join(texts, " "+s.glyphs().dot+" "), s.columns()-len(indent)-2) {
		if i > 0 {
			line = "  " + line
		}
		out.WriteString(indent + s.paint(dim, line) + "\n")
	}
	return out.String()
}

// trail spells the records in short: who sent it, what it is, and its length; a burst of one kind as a sum.
func (s Screen) trail(records []event.Record) string {
	var out strings.Builder
	for i := range records {
		r := &records[i]
		name := camel(s.safe(firstOf(r.Handshake, r.Type)))
		switch {
		case i == maxTrail:
			fmt.Fprintf(&out, " and %d more", len(records)-i)
			return out.String()
		case i > 0 && r.Handshake == "" && r.From == records[i-1].From && r.Type == records[i-1].Type && records[i-1].Handshake == "":
			fmt.Fprintf(&out, "+%d", r.Length)
			continue
		case i == 0 || r.From != records[i-1].From:
			if i > 0 {
				out.WriteString(" " + s.glyphs().dot + " ")
			}
			out.WriteString(firstOf(s.safe(string(r.From)), "?") + ":")
		}
		fmt.Fprintf(&out, " %s %d", name, r.Length)
	}
	return out.String()
}
