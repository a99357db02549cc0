package sink

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// maxText bounds every string of an event that is shown, in columns. It is well above the longest DNS name (253).
const maxText = 300

// terminal measures text. It is spelled out because the library's default depends on the locale of the environment.
var terminal = &runewidth.Condition{StrictEmojiNeutral: true}

// Escape makes any text safe for a terminal and for a log, in at most width columns. What is not printable, has no width of its
// own, reorders text (bidirectional controls) or is no valid UTF-8 is spelled \xNN or \u{NNNN}; a backslash becomes \\,
// so that nothing can pretend to be escaped. Text that is cut ends in "…".
func Escape(s string, width int) string { return bound(s, width, "…", spellSafe) }

// bound spells s piece by piece while it fits. A piece is never cut in half.
func bound(s string, width int, ellipsis string, spell func(r rune, raw string) string) string {
	if width <= 0 {
		return ""
	}
	var out strings.Builder
	used, kept := 0, 0 // columns written, and bytes that leave room for the ellipsis
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		piece := spell(r, s[:n])
		w := displayWidth(piece)
		if used+w > width {
			return out.String()[:kept] + ellipsis
		}
		out.WriteString(piece)
		used += w
		if used < width {
			kept = out.Len()
		}
		s = s[n:]
	}
	return out.String()
}

// displayWidth sums the columns of the single runes: joined emoji may take less on some terminals, never more.
func displayWidth(s string) int {
	w := 0
	for _, r := range s {
		w += terminal.RuneWidth(r)
	}
	return w
}

func spellSame(_ rune, raw string) string { return raw }

func spellSafe(r rune, raw string) string {
	switch {
	case r == '\\':
		return `\\`
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case r < utf8.RuneSelf && (r < ' ' || r == 0x7f):
		return fmt.Sprintf(`\x%02x`, r)
	case r < utf8.RuneSelf:
		return raw
	case !unicode.IsPrint(r) || terminal.RuneWidth(r) == 0:
		return fmt.Sprintf(`\u{%x}`, r)
	}
	return raw
}

func spellASCII(r rune, raw string) string {
	if invalid := r == utf8.RuneError && len(raw) == 1; r >= utf8.RuneSelf && !invalid {
		return fmt.Sprintf(`\u{%x}`, r)
	}
	return spellSafe(r, raw)
}

// safe escapes a string of an event for this screen.
func (s Screen) safe(text string) string {
	if s.ASCII {
		return bound(text, maxText, "~", spellASCII)
	}
	return Escape(text, maxText)
}

// cut shortens safe text for this screen.
func (s Screen) cut(text string, width int) string {
	return bound(text, width, s.glyphs().ellipsis, spellSame)
}
