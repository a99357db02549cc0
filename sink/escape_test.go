package sink

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct {
		name, text string
		width      int
		want       string
	}{
		{"plain text", "api.shop.example", 30, "api.shop.example"},
		{"exactly as wide", "abc", 3, "abc"},
		{"cut", "abcdef", 4, "abc…"},
		{"cut to nothing but the mark", "abcdef", 1, "…"},
		{"no room", "abc", 0, ""},
		{"negative room", "abc", -1, ""},
		{"clears the screen", "\x1b[2J", 30, `\x1b[2J`},
		{"sets the title", "\x1b]0;x\x07", 30, `\x1b]0;x\x07`},
		{"new line", "a\nb\r\tc", 30, `a\x0ab\x0d\x09c`},
		{"NUL and DEL", "\x00\x7f", 30, `\x00\x7f`},
		{"C1 control sequence introducer", "\u009b31m", 30, `\u{9b}31m`},
		{"bidirectional override", "a\u202egnp", 30, `a\u{202e}gnp`},
		{"bidirectional isolate", "\u2066\u2069", 30, `\u{2066}\u{2069}`},
		{"line separator", "\u2028", 30, `\u{2028}`},
		{"zero width space", "a\u200bb", 30, `a\u{200b}b`},
		{"combining marks", "e\u0301", 30, `e\u{301}`},
		{"no-break space", "a\u00a0b", 30, `a\u{a0}b`},
		{"invalid UTF-8", "a\xff\xc3", 30, `a\xff\xc3`},
		{"a replacement character that was sent", "\ufffd", 30, "\ufffd"},
		{"pretends to be escaped", `\x41`, 30, `\\x41`},
		{"an escape is not cut in half", "ab\x1bcd", 5, "ab…"},
		{"wide runes", "漢字漢字", 5, "漢字…"},
		{"a wide rune is not cut in half", "漢字漢字", 4, "漢…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Escape(c.text, c.width); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"plain", "\x1b[31m\u202e", "\xff\xfe", "漢字👩‍👩‍👧", strings.Repeat("\\", 9), "🇩🇪🏽é", "\ufffd\xff"} {
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width %= 500
		for name, got := range map[string]string{"Escape": Escape(s, width), "ASCII": bound(s, width, "~", spellASCII)} {
			if !utf8.ValidString(got) {
				t.Errorf("%s: not UTF-8: %q", name, got)
			}
			if w := terminal.StringWidth(got); w > max(width, 0) {
				t.Errorf("%s: %d columns in %d: %q", name, w, width, got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) || unsafeRune(r) || name == "ASCII" && r > 0x7e {
					t.Errorf("%s: %U in %q", name, r, got)
				}
			}
		}
	})
}
