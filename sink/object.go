package sink

import (
	"strconv"
	"unicode/utf8"
)

// object is a JSON object that is being written. Keys are constants that need no escaping.
type object struct {
	dst []byte
	sep byte // what goes before the next key
}

// begin starts an object as an element of an array, or after a key.
func (o *object) begin() { o.sep = '{' }

func (o *object) open(key string) {
	o.key(key)
	o.begin()
}

func (o *object) close() {
	if o.sep == '{' { // no key was written
		o.dst = append(o.dst, '{')
	}
	o.dst = append(o.dst, '}')
	o.sep = ','
}

func (o *object) key(key string) {
	o.dst = append(o.dst, o.sep, '"')
	o.dst = append(o.dst, key...)
	o.dst = append(o.dst, '"', ':')
	o.sep = ','
}

func (o *object) text(key, s string) {
	o.key(key)
	o.dst = appendString(o.dst, s)
}

func (o *object) optional(key, s string) {
	if s != "" {
		o.text(key, s)
	}
}

func (o *object) texts(key string, all []string) {
	if len(all) == 0 {
		return
	}
	o.key(key)
	sep := byte('[')
	for _, s := range all {
		o.dst = appendString(append(o.dst, sep), s)
		sep = ','
	}
	o.dst = append(o.dst, ']')
}

func (o *object) number(key string, n int64) {
	o.key(key)
	o.dst = strconv.AppendInt(o.dst, n, 10)
}

func (o *object) unsigned(key string, n uint64) {
	o.key(key)
	o.dst = strconv.AppendUint(o.dst, n, 10)
}

// count leaves a zero out.
func (o *object) count(key string, n int64) {
	if n != 0 {
		o.number(key, n)
	}
}

func (o *object) flag(key string, set bool) {
	if set {
		o.key(key)
		o.dst = append(o.dst, "true"...)
	}
}

// appendString quotes s as encoding/json does with HTML escaping off, and escapes in addition what a terminal or a log viewer
// would obey: DEL, the C1 controls (U+009B starts an escape sequence), bidirectional controls, and the byte order mark.
// An invalid byte becomes U+FFFD, as there.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if n := harmless(s); n == len(s) {
		return append(append(dst, s...), '"')
	}
	start := 0
	for i := 0; i < len(s); {
		if n := harmless(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if escapeRune(r, n) {
			dst = appendEscape(append(dst, s[start:i]...), r)
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

// harmless counts the bytes at the head of s that stand for themselves in a JSON string: printable ASCII but for quote and
// backslash. Eight bytes are judged at a time: the high bit of a byte of w is set by one that is not ASCII, of w+1 by DEL, and of the
// others by a control, a quote and a backslash. A borrow between bytes can only follow a byte that is none of the harmless.
func harmless(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if (w|(w+ones)|(w-' '*ones)|((w^'"'*ones)-ones)|((w^'\\'*ones)-ones))&high != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if b := s[i]; b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return i
		}
	}
	return i
}

func escapeRune(r rune, size int) bool {
	switch {
	case r < utf8.RuneSelf:
		return true // appendString lets the harmless ones pass before
	case r == utf8.RuneError:
		return size == 1
	}
	return unsafeRune(r)
}

// unsafeRune says whether a rune beyond ASCII is obeyed rather than shown.
func unsafeRune(r rune) bool {
	switch {
	case r >= 0x80 && r <= 0x9f, r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return true
	}
	return false
}

const hexDigits = "0123456789abcdef"

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
