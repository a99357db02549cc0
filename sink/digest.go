package sink

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// digest is the text of a summary.
type digest struct {
	Screen
	width   int
	nothing string            // what to say if nothing failed
	advised map[string]string // the advice last given, by reason
	out     strings.Builder
}

// heading says how many, of how many, in how long.
func (d *digest) heading(counts map[event.Outcome]uint64, t Totals, kinds int) {
	failed := counts[event.Failed]
	text := d.nothing
	if failed > 0 {
		text = spellCount(failed) + plural(failed, " failed handshake")
	}
	if t.Elapsed > 0 {
		text += " in " + spellSeconds(t.Elapsed.Seconds(), d.ASCII)
	}
	var rest []string
	for _, r := range []struct {
		n    uint64
		name string
	}{
		{max(counts[event.Succeeded], t.Succeeded), "succeeded"},
		{max(counts[event.Noise], t.Noise), "noise"},
		{max(counts[event.Undecided], t.Undecided), "undecided"},
	} {
		if r.n > 0 {
			rest = append(rest, spellCount(r.n)+" "+r.name)
		}
	}
	if len(rest) > 0 {
		text += " (" + strings.Join(rest, ", ") + ")"
	}
	if kinds > 1 {
		text += ", worst first:"
	}
	st := bold
	if failed == 0 {
		st = green
	}
	d.line("") // apart from the live view above
	d.wrapped("", text, st)
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// group writes one kind of failure: how often and why, who, whom to look at and when, and what to do.
func (d *digest) group(g *group) {
	d.line("")
	count := spellCount(g.count) + d.glyphs().times
	indent := strings.Repeat(" ", 8)
	st := styleOfLayer(g.newest.Layer)
	reason := d.cut(g.reason, d.width-len(indent))
	first := padLeft(count, len(indent)-2) + "  "
	ends := g.client + " " + d.glyphs().arrow + " " + g.server
	if displayWidth(first)+displayWidth(reason)+2+displayWidth(ends) <= d.width {
		d.line(d.paint(bold, first) + d.paint(st, reason) + "  " + ends)
	} else {
		d.line(d.paint(bold, first) + d.paint(st, reason))
		d.wrapped(indent, ends, plain)
	}
	d.wrapped(indent, d.adviceOnce(g), plain)
	d.wrapped(indent, d.span(g), dim)
}

// adviceOnce refers to advice that was given for the same reason above: twenty clients of one server need it once.
func (d *digest) adviceOnce(g *group) string {
	advice := d.advice(&g.newest)
	if advice != "" && d.advised[g.reason] == advice {
		return d.lookAt(&g.newest) + "see " + g.reason + " above"
	}
	d.advised[g.reason] = advice
	return advice
}

// lookAt begins advice with whom to look at, if that is known.
func (d *digest) lookAt(v *event.Verdict) string {
	if v.LookAt == "" || v.LookAt == event.Unknown {
		return ""
	}
	return "look at the " + d.safe(string(v.LookAt)) + ": "
}

// advice says whom to look at, and what to look at there.
func (d *digest) advice(v *event.Verdict) string {
	return strings.TrimSuffix(d.lookAt(v)+d.safe(v.Hint), ": ")
}

// span says when a kind of failure was seen.
func (d *digest) span(g *group) string {
	first, last := d.clock(g.first, "15:04:05"), d.clock(g.last, "15:04:05")
	if !sameDay(g.first, g.last, d.Zone) {
		first, last = d.clock(g.first, "2006-01-02 15:04:05"), d.clock(g.last, "2006-01-02 15:04:05")
	}
	if first == last {
		return "seen " + first
	}
	return "first seen " + first + ", last " + last
}

func sameDay(a, b time.Time, zone *time.Location) bool {
	if zone != nil {
		a, b = a.In(zone), b.In(zone)
	}
	return a.Format(time.DateOnly) == b.Format(time.DateOnly)
}

// rest counts what was not written.
func (d *digest) rest(groups []*group, others uint64) {
	hidden, kinds := others, 0
	for i, g := range groups {
		if i >= maxShown {
			hidden += g.count
			kinds++
		}
	}
	if hidden == 0 {
		return
	}
	text := "others: " + spellCount(hidden) + plural(hidden, " failure")
	if others > 0 {
		text += " of more than " + spellCount(uint64(kinds)) + " kinds"
	} else {
		text += " of " + spellCount(uint64(kinds)) + plural(uint64(kinds), " kind")
	}
	d.line("")
	d.wrapped("", text, bold)
}

// lost says what the figures leave out. Silence has to mean that there is nothing.
func (d *digest) lost(lost map[string]uint64) {
	var parts []string
	for _, where := range slices.Sorted(maps.Keys(lost)) {
		if n := lost[where]; n > 0 {
			parts = append(parts, spellCount(n)+" "+d.safe(where))
		}
	}
	if len(parts) > 0 {
		d.line("")
		d.wrapped("", "Not everything could be followed; more may have failed: "+strings.Join(parts, ", "), yellow)
	}
}

func (d *digest) wrapped(indent, text string, st style) {
	for _, line := range wrap(text, d.width-len(indent)) {
		d.line(indent + d.paint(st, line))
	}
}

func (d *digest) line(text string) {
	d.out.WriteString(text)
	d.out.WriteByte('\n')
}
