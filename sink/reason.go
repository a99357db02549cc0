package sink

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// shortReasonWidth is the widest reason in its short spelling: client_cert_required.
const shortReasonWidth = len("client_cert_required")

// shortReason spells a reason for narrow columns. [NewFilter] knows what is meant by it.
func shortReason(r string) string { return strings.Replace(r, "certificate", "cert", 1) }

// reasonText is the reason, or what became of the connection if nothing failed, and how often, in width columns.
func (s Screen) reasonText(e *event.Event, width int, count uint64) string {
	text := s.safe(string(e.Verdict.Reason))
	if text == "" {
		text = firstOf(s.safe(string(e.Outcome)), "-")
	}
	suffix := ""
	if count > 1 {
		suffix = " " + s.glyphs().times + spellCount(count)
	}
	room := width - displayWidth(suffix)
	if displayWidth(text) > room {
		text = shortReason(text)
	}
	return s.cutMiddle(text, room) + suffix
}

// cutMiddle shortens a reason so that both its ends stay: client_cert_required and client_cert_rejected differ only in theirs.
func (s Screen) cutMiddle(text string, width int) string {
	if displayWidth(text) <= width {
		return text
	}
	if width < 6 {
		return s.cut(text, width)
	}
	tail := lastWide(text, width/2)
	return s.cut(text, width-displayWidth(tail)) + tail
}

// lastWide is the longest end of text that fits.
func lastWide(text string, width int) string {
	used := 0
	runes := []rune(text)
	for i := len(runes) - 1; i >= 0; i-- {
		used += terminal.RuneWidth(runes[i])
		if used > width {
			return string(runes[i+1:])
		}
	}
	return text
}
