package sink

// glyphs are the characters that the views draw with.
type glyphs struct {
	horizontal, vertical string
	leaves, leavesBack   string // an arrow leaves a lifeline to the right, to the left
	arrives, arrivesBack string // an arrowhead, to the right, to the left
	broken, silence      string
	arrow, times, dot    string
	ellipsis             string
}

func (s Screen) glyphs() glyphs {
	if s.ASCII {
		return glyphs{
			horizontal: "-", vertical: "|", leaves: "|", leavesBack: "|", arrives: ">", arrivesBack: "<",
			broken: "X", silence: ":", arrow: "->", times: "x", dot: "-", ellipsis: "~",
		}
	}
	return glyphs{
		horizontal: "─", vertical: "│", leaves: "├", leavesBack: "┤", arrives: "▶", arrivesBack: "◀",
		broken: "╳", silence: "┊", arrow: "→", times: "×", dot: "·", ellipsis: "…",
	}
}
