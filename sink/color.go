package sink

import (
	"github.com/fatih/color"

	"github.com/tlstrace/tlstrace/event"
)

// style is a way to colour text.
type style int

// The styles. Those of layers are chosen so that a wall of rows can be read by colour alone.
const (
	plain style = iota
	bold
	dim
	green
	red
	yellow
	magenta
	blue
	cyan
	orange
)

func (s style) attributes() []color.Attribute {
	switch s {
	case bold:
		return []color.Attribute{color.Bold}
	case dim:
		return []color.Attribute{color.Faint}
	case green:
		return []color.Attribute{color.FgGreen}
	case red:
		return []color.Attribute{color.FgHiRed, color.Bold}
	case yellow:
		return []color.Attribute{color.FgYellow}
	case magenta:
		return []color.Attribute{color.FgMagenta}
	case blue:
		return []color.Attribute{color.FgHiBlue}
	case cyan:
		return []color.Attribute{color.FgCyan}
	case orange:
		return []color.Attribute{color.FgHiYellow, color.Bold}
	}
	return nil
}

// paint colours safe text, if the screen allows colours.
func (s Screen) paint(st style, text string) string {
	if !s.Color || st == plain || text == "" {
		return text
	}
	c := color.New(st.attributes()...)
	c.EnableColor() // the library's default depends on the environment; the caller has decided already
	return c.Sprint(text)
}

// styleOf is the colour of an event's reason.
func styleOf(e *event.Event) style {
	switch e.Outcome {
	case event.Succeeded:
		return green
	case event.Noise, event.Undecided:
		return dim
	}
	return styleOfLayer(e.Verdict.Layer)
}

func styleOfLayer(l event.Layer) style {
	switch l {
	case event.LayerCertificate:
		return red
	case event.LayerNegotiation:
		return yellow
	case event.LayerProtocol:
		return magenta
	case event.LayerConnect:
		return blue
	case event.LayerRedirect:
		return orange
	case event.LayerPeer:
		return cyan
	case event.LayerNoise:
		return dim
	}
	return plain
}
