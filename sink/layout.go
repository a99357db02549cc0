package sink

import "strings"

// column is one column of the live view.
type column int

// The columns, in their order on the screen.
const (
	colTime column = iota
	colClient
	colServer
	colReason
	colLayer
	colGaveUp
	colLookAt
	colConf
	colDetail
	colSNI
	colVersion
	colALPN
	colPhase
	colRecords
	colDuration
	colSeen
	numColumns
)

var columnTitles = [numColumns]string{
	"TIME", "CLIENT", "SERVER", "REASON", "LAYER", "GAVE-UP", "LOOK-AT", "CONF", "DETAIL",
	"SNI", "VERSION", "ALPN", "PHASE", "RECORDS", "DURATION", "SEEN-FROM",
}

// layout is the width of every column; 0 leaves a column out.
type layout struct {
	widths [numColumns]int
	gap    int
	loose  bool // cells may be wider than their column: no terminal that would wrap them
}

// grant gives a column at least this width.
type grant struct {
	col   column
	width int
}

// grants is what the room is spent on, the most important first: who, why and whom to look at come before when exactly.
var grants = []grant{
	{colTime, len("15:04:05")}, {colClient, 12}, {colServer, 15}, {colReason, shortReasonWidth},
	{colLookAt, len("network")},
	{colClient, 15}, {colServer, 18},
	{colGaveUp, len("network")},
	{colClient, 20}, {colServer, 24},
	{colDetail, 20},
	{colConf, len("inferred")},
	{colDetail, 28},
	{colLayer, len("certificate")},
	{colReason, len("client_certificate_required")},
	{colTime, len("15:04:05.000")},
	{colDetail, 40},
	{colClient, 34}, {colServer, 34},
}

// wideColumns are what `wide` adds to output that is no terminal; a terminal gets lines of facts, which never wrap.
var wideColumns = []grant{
	{colSNI, 24}, {colVersion, 16}, {colALPN, 14}, {colPhase, 18}, {colRecords, 7}, {colDuration, 8}, {colSeen, 9},
}

// minTableWidth is the narrowest screen on which one line per event has room for whom to look at.
const minTableWidth = 66

// newLayout spends the screen's width by the grants.
func newLayout(screen Screen, wide bool) layout {
	room := screen.columns()
	l := layout{gap: 1, loose: screen.Width <= 0}
	if room >= 100 {
		l.gap = 2
	}
	left := room + l.gap // the last column has no gap behind it
	for _, g := range grants {
		cost := l.cost(g)
		if cost > left {
			break // what is less important must not take the room instead
		}
		left -= cost
		l.widths[g.col] = max(l.widths[g.col], g.width)
	}
	l.spend(left)
	if wide && l.loose {
		for _, g := range wideColumns {
			l.widths[g.col] = g.width
		}
	}
	return l
}

func (l *layout) cost(g grant) int {
	have := l.widths[g.col]
	if have == 0 {
		return g.width + l.gap
	}
	return max(g.width-have, 0)
}

// spend gives what is left to the column that makes the most of it.
func (l *layout) spend(left int) {
	if l.widths[colDetail] > 0 {
		l.widths[colDetail] += left
		return
	}
	l.widths[colServer] += left - left/2
	l.widths[colClient] += left / 2
}

// line joins the cells that the layout shows. A cell is padded by its safe text before it is coloured.
func (l *layout) line(screen Screen, cells *[numColumns]cell) string {
	var out strings.Builder
	space := 0 // owed before the next cell, so that no line ends in spaces
	for col, width := range l.widths {
		if width == 0 {
			continue
		}
		text := cells[col].text
		if !l.loose {
			text = screen.cut(text, width)
		}
		if text != "" {
			out.WriteString(strings.Repeat(" ", space))
			out.WriteString(screen.paint(cells[col].style, text))
			space = 0
		}
		space += max(width-displayWidth(text), 0) + l.gap
	}
	out.WriteByte('\n')
	return out.String()
}
