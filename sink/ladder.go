package sink

import (
	"io"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// The widths of a ladder. Arrows that are longer than an eye follows help nobody.
const (
	minLadder  = 40
	fileLadder = 100 // where the output is no terminal
	maxLadder  = 120
	timeWidth  = 10 // "2 min 10 s"
	margin     = 2  // between the time and the client's lifeline
)

// ladder draws one event.
type ladder struct {
	Screen
	e     *event.Event
	width int
	out   strings.Builder
	// previous is the last time that was written: what came in the same burst is told by the blank.
	previous string
}

// Ladder draws one event as a handshake ladder: both ends, every record with its time and direction, the alert and the close;
// then what it means, and the facts that this rests on. It fits the screen from 40 columns on, and fills 120 at most.
func Ladder(w io.Writer, screen Screen, e event.Event) error {
	width := min(screen.Width, maxLadder)
	if screen.Width <= 0 {
		width = fileLadder
	}
	l := ladder{Screen: screen, e: &e, width: max(width, minLadder)}
	l.heads()
	for _, r := range l.rungs(&e) {
		l.rung(r)
	}
	l.lifelines()
	l.verdict()
	l.facts()
	_, err := io.WriteString(w, l.out.String())
	return err
}

// inner is the room between the lifelines.
func (l *ladder) inner() int { return l.width - timeWidth - margin - 2 }

// heads names both ends over their lifelines: the client's from its lifeline to the right, the server's up to its own.
func (l *ladder) heads() {
	client, server := l.head("CLIENT", event.Client, &l.e.Client), l.head("SERVER", event.Server, &l.e.Server)
	indent := strings.Repeat(" ", timeWidth+margin)
	for i := range max(len(client), len(server)) {
		left, right := l.share(at(client, i), at(server, i))
		gap := max(l.inner()+2-displayWidth(left.text)-displayWidth(right.text), 0)
		middle := strings.Repeat(" ", gap)
		if network := l.networkMark(); i == 0 && network != "" && displayWidth(network)+4 <= gap {
			middle = l.paint(styleOf(l.e), center(network, gap))
		}
		l.line(indent + l.paint(left.style, left.text) + middle + l.paint(right.style, right.text))
	}
	l.lifelines()
}

// share cuts what does not fit beside the other: each has half of the room, and what the other leaves.
func (l *ladder) share(left, right cell) (cell, cell) {
	room := l.inner() // two columns of the lifelines are kept between
	half := room / 2
	left.text = l.cut(left.text, max(half, room-displayWidth(right.text)))
	right.text = l.cut(right.text, max(half, room-displayWidth(left.text)))
	return left, right
}

// head is what is known of one end, line by line.
func (l *ladder) head(title string, side event.Side, p *event.Endpoint) []cell {
	st := bold
	if l.e.Verdict.LookAt == side && l.e.Outcome == event.Failed {
		st = styleOf(l.e)
	}
	names := l.end(p)
	lines := []cell{{title + l.mark(side), st}}
	for _, text := range []string{names.pod, names.service, l.container(p.K8s), names.process} {
		if text != "" {
			lines = append(lines, cell{text, bold})
		}
	}
	return append(lines, cell{names.socket(), plain})
}

// mark says what a side has to do with the failure.
func (l *ladder) mark(side event.Side) string {
	text := ""
	if l.e.Verdict.GaveUp == side {
		text = " " + l.glyphs().dot + " gave up"
	}
	if l.e.Verdict.LookAt == side {
		text += " " + l.glyphs().dot + " look here"
	}
	return text
}

// networkMark is [ladder.mark] for what is between the ends, or "" if it has nothing to do with it.
func (l *ladder) networkMark() string {
	if mark := l.mark(event.Network); mark != "" {
		return "NETWORK" + mark
	}
	return ""
}

func (l *ladder) container(k *event.K8s) string {
	if k == nil || k.Container == "" {
		return ""
	}
	if k.Sidecar {
		return "sidecar " + l.safe(k.Container)
	}
	return "container " + l.safe(k.Container)
}

func at(cells []cell, i int) cell {
	if i < len(cells) {
		return cells[i]
	}
	return cell{}
}

func (l *ladder) lifelines() { l.between(noTime, l.glyphs().vertical, "", l.glyphs().vertical) }

// between draws one line: the time, the client's lifeline, what is between, and the server's lifeline.
func (l *ladder) between(us int64, left, middle, right string) {
	time := l.moment(us)
	if time == l.previous {
		time = ""
	} else if time != "" {
		l.previous = time
	}
	if middle == "" {
		middle = strings.Repeat(" ", l.inner())
	}
	l.line(l.paint(dim, padLeft(l.cut(time, timeWidth), timeWidth)) + strings.Repeat(" ", margin) + left + middle + right)
}

// moment spells a time in the ladder: in milliseconds whose decimal points stand under each other, as long as that can be read.
func (l *ladder) moment(us int64) string {
	switch {
	case us == noTime:
		return ""
	case us < 0 || us >= 10_000_000:
		return spellSeconds(float64(us)/1e6, l.ASCII)
	}
	return strconv.FormatFloat(float64(us)/1e3, 'f', 2, 64) + " ms"
}

func (l *ladder) rung(r rung) {
	g := l.glyphs()
	text := l.cut(r.text, l.inner()-6)
	fill := func(taken int) string { return strings.Repeat(g.horizontal, max(l.inner()-taken, 0)) }
	taken := displayWidth(text) + 4
	switch {
	case r.lost:
		l.lost(r, text)
	case r.from == event.Client:
		l.between(r.at, g.leaves, l.paint(r.style, g.horizontal+" "+text+" "+fill(taken)+g.arrives), g.vertical)
	case r.from == event.Server:
		l.between(r.at, g.vertical, l.paint(r.style, g.arrivesBack+fill(taken)+" "+text+" "+g.horizontal), g.leavesBack)
	case r.from == event.Network:
		rest := fill(taken)
		half := len([]rune(rest)) / 2
		head, tail := string([]rune(rest)[:half]), string([]rune(rest)[half:])
		l.between(r.at, g.vertical, l.paint(r.style, g.arrivesBack+head+" "+text+" "+tail+g.arrives), g.vertical)
	default:
		for i, line := range wrap(r.text, l.inner()-4) {
			when := r.at
			if i > 0 {
				when = noTime
			}
			l.between(when, g.silence, l.paint(r.style, center(line, l.inner())), g.silence)
		}
	}
}

// lost draws an arrow that nobody is known to have received.
func (l *ladder) lost(r rung, text string) {
	g := l.glyphs()
	reach := max(l.inner()*2/3, displayWidth(text)+5)
	arrow := g.horizontal + " " + text + " " + strings.Repeat(g.horizontal, max(reach-displayWidth(text)-4, 0)) + g.broken
	l.between(r.at, g.leaves, l.paint(styleOf(l.e), pad(arrow, l.inner())), g.vertical)
}

func (l *ladder) line(text string) {
	l.out.WriteString(strings.TrimRight(text, " "))
	l.out.WriteByte('\n')
}
