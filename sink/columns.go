package sink

import (
	"io"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Columns is the live view: one line per event, fitted to the screen, under a header.
// A screen narrower than 66 columns gets two lines per event. Nothing ever wraps.
type Columns struct {
	w      io.Writer
	screen Screen
	layout layout
	wide   bool
	lines  int // written since the last header; -1 before the first
}

// NewColumns makes a live view that writes to w, one Write call per event. With wide, SNI, versions, ALPN, phase,
// records, duration and more are added: as lines under each event on a terminal, as columns elsewhere.
func NewColumns(w io.Writer, screen Screen, wide bool) *Columns {
	return &Columns{w: w, screen: screen, layout: newLayout(screen, wide), wide: wide, lines: -1}
}

// Header writes the titles now, so that a screen is not empty until something fails. [Columns.Write] does it otherwise.
func (c *Columns) Header() error {
	if c.lines >= 0 {
		return nil
	}
	_, err := io.WriteString(c.w, c.header())
	return err
}

// Write shows one event.
func (c *Columns) Write(e event.Event) error {
	text := c.row(&e)
	n := strings.Count(text, "\n")
	if c.lines < 0 || c.screen.Height > 1 && c.lines+n >= c.screen.Height {
		text = c.header() + text
	}
	c.lines += n
	_, err := io.WriteString(c.w, text)
	return err
}

// Close does nothing: every event was written when it came.
func (c *Columns) Close() error { return nil }

func (c *Columns) narrow() bool { return c.screen.columns() < minTableWidth }

func (c *Columns) header() string {
	c.lines = 0
	if c.narrow() {
		return ""
	}
	c.lines = 1
	var cells [numColumns]cell
	for i, title := range columnTitles {
		cells[i] = cell{title, bold}
	}
	return c.layout.line(c.screen, &cells)
}

func (c *Columns) row(e *event.Event) string {
	if c.narrow() {
		return c.narrowRow(e)
	}
	cells := c.cells(e)
	text := c.layout.line(c.screen, &cells)
	if c.wide && !c.layout.loose {
		text += c.factLines(e)
	}
	return text
}

// narrowIndent is the room for the time in front of a narrow row.
const narrowIndent = len("15:04:05 ")

// narrowRow is an event on two lines: when, why, who gave up and whom to look at; then who.
func (c *Columns) narrowRow(e *event.Event) string {
	s := c.screen
	room := max(s.columns()-narrowIndent, 0)
	look, _ := firstFit(s.narrowSides(&e.Verdict), room-displayWidth(shortReason(s.reasonText(e, maxText, times(e.Repeated)))))
	reason := s.reasonText(e, room-displayWidth(look), times(e.Repeated))
	time := s.cut(s.clock(e.Time, "15:04:05"), s.columns())
	first := s.paint(dim, time)
	if reason != "" {
		first += " " + s.paint(styleOf(e), reason) + s.paint(bold, look)
	}
	return first + "\n" + c.narrowEnds(e) + "\n"
}

// narrowSides says who gave up and whom to look at, longest first.
func (s Screen) narrowSides(v *event.Verdict) []string {
	if v.LookAt == "" {
		return nil
	}
	look := "look at " + s.safe(string(v.LookAt))
	if v.GaveUp == "" {
		return []string{"  " + look}
	}
	return []string{"  " + s.safe(string(v.GaveUp)) + " gave up, " + look, "  " + look}
}

func (c *Columns) narrowEnds(e *event.Event) string {
	s := c.screen
	arrow := " " + s.glyphs().arrow + " "
	indent := narrowIndent
	if s.columns() < 2*narrowIndent {
		indent = 1
	}
	room := max(s.columns()-indent-displayWidth(arrow), 2)
	client := s.fitClient(&e.Client, room*2/5)
	server := s.fitServer(&e.Server, room-displayWidth(client))
	return s.cut(strings.Repeat(" ", indent)+client+arrow+server, s.columns())
}

// cell is one text of a row: safe, and not yet cut to its column.
type cell struct {
	text  string
	style style
}

func (c *Columns) cells(e *event.Event) [numColumns]cell {
	s, v, w := c.screen, &e.Verdict, c.layout.widths
	background := plain
	if e.Outcome != event.Failed {
		background = dim
	}
	clientWidth, serverWidth, reasonWidth := w[colClient], w[colServer], w[colReason]
	if c.layout.loose {
		clientWidth, serverWidth, reasonWidth = 4*maxText, 4*maxText, 4*maxText
	}
	count := times(e.Repeated)
	if w[colDetail] > 0 {
		count = 1 // told there
	}
	clock := "15:04:05"
	if w[colTime] > len(clock) {
		clock = "15:04:05.000"
	}
	cells := [numColumns]cell{
		colTime:   {s.clock(e.Time, clock), dim},
		colClient: {s.fitClient(&e.Client, clientWidth), background},
		colServer: {s.fitServer(&e.Server, serverWidth), background},
		colReason: {s.reasonText(e, reasonWidth, count), styleOf(e)},
		colLayer:  {s.side(string(v.Layer)), styleOf(e)},
		colGaveUp: {s.side(string(v.GaveUp)), background},
		colLookAt: {s.side(string(v.LookAt)), lookStyle(e)},
		colConf:   {s.side(string(v.Confidence)), dim},
		colDetail: {c.detail(e), background},
	}
	if c.wide {
		c.wideCells(e, &cells)
	}
	return cells
}

func lookStyle(e *event.Event) style {
	if e.Outcome == event.Failed {
		return bold
	}
	return dim
}

// side spells a member of a closed set, or that it is not known.
func (s Screen) side(text string) string { return firstOf(s.safe(text), "-") }

// detail is how often, for which name, and what happened.
func (c *Columns) detail(e *event.Event) string {
	s := c.screen
	var parts []string
	if n := times(e.Repeated); n > 1 {
		parts = append(parts, s.glyphs().times+spellCount(n))
	}
	if name := s.target(e); name != "" && !(c.wide && c.layout.loose) {
		parts = append(parts, name)
	}
	before := strings.Join(parts, " "+s.glyphs().dot+" ")
	if e.Verdict.Summary == "" || before != "" && c.detailRoom()-displayWidth(before) < minSentence {
		return before
	}
	return strings.Join(append(parts, s.safe(e.Verdict.Summary)), " "+s.glyphs().dot+" ")
}

// minSentence is how much room a sentence has to have: less shows a word or two of it, which tell nothing.
const minSentence = 24

func (c *Columns) detailRoom() int {
	if c.layout.loose {
		return 4 * maxText
	}
	return c.layout.widths[colDetail]
}

// target is the name that the client asked for. An Istio SNI is shown as the service that it means.
func (s Screen) target(e *event.Event) string {
	switch {
	case e.Mesh != nil && e.Mesh.Service != "":
		return s.safe(e.Mesh.Service) + ":" + strconv.Itoa(int(e.Mesh.Port))
	case e.TLS != nil:
		return s.safe(e.TLS.SNI)
	}
	return ""
}

func (c *Columns) wideCells(e *event.Event, cells *[numColumns]cell) {
	s := c.screen
	t := e.TLS
	if t == nil {
		t = &event.TLS{}
	}
	for col, text := range map[column]string{
		colSNI:      s.safe(t.SNI),
		colVersion:  firstOf(s.safe(t.Version), s.safe(strings.Join(t.OfferedVersions, ","))),
		colALPN:     firstOf(s.safe(t.ALPN), s.safe(strings.Join(t.OfferedALPN, ","))),
		colPhase:    s.safe(string(e.Verdict.Phase)),
		colRecords:  strconv.Itoa(len(e.Records)),
		colDuration: spellSeconds(e.Duration, s.ASCII),
		colSeen:     s.safe(string(e.ObservedFrom)),
	} {
		cells[col] = cell{firstOf(text, "-"), dim}
	}
}
