package proxylog

import "bytes"

// anchor is a letter that is rare in a log, and what follows it in words that a proxy says of a failed handshake. Looking for the letter
// is several times faster than looking for the words.
type anchor struct {
	letter byte
	rest   []string
}

// What proxies say. A line without any of these words needs no second look.
var (
	// envoyAnchors: TLS_error, TLS error; the flags NR or NoRouteFound, which come with the detail filter_chain_not_found.
	envoyAnchors = []anchor{{'L', []string{"S_e", "S e"}}, {'N', []string{"R ", "R,", "oRouteFound"}}}
	// allAnchors: the same, but the detail itself, for formats may leave out the flags; and what ztunnel and Go say: handshake error,
	// handshake failed, during TLS handshake", invalid peer certificate, identity verification error, policy rejection.
	allAnchors = []anchor{
		{'L', []string{"S_e", "S e"}}, {'j', []string{"ection: "}}, {'k', []string{"e error", "e failed", "e eof", "e\""}},
		{'v', []string{"alid peer", "erification error"}}, {'f', []string{"ilter_chain_not_found"}},
	}
)

// suspicious says whether a line needs a second look. Of nearly all lines nothing else is asked, so that this is what reading costs. Envoy's
// text, known by its time, holds only what Envoy says, and its flags, unless custom says that there may be formats without them.
func suspicious(text []byte, custom bool) bool {
	anchors := allAnchors
	if len(text) > 1 && text[0] == '[' && text[1] == '2' && !custom {
		anchors = envoyAnchors
	}
	for i := range anchors {
		if anchors[i].in(text) {
			return true
		}
	}
	return false
}

// in says whether one of the words is in text.
func (a *anchor) in(text []byte) bool {
	for {
		at := bytes.IndexByte(text, a.letter)
		if at < 0 {
			return false
		}
		text = text[at+1:]
		for _, rest := range a.rest {
			if len(text) >= len(rest) && text[0] == rest[0] && string(text[:len(rest)]) == rest {
				return true
			}
		}
	}
}

// connectionNeedles are in the lines of a debug log that tell something about a connection that may fail later.
var connectionNeedles = [][]byte{
	[]byte("connecting to "), []byte("new connection"), []byte("handshake "), []byte("verify cert failed"),
}

// telling says the same of a line of a debug log.
func telling(text []byte) bool {
	for _, needle := range connectionNeedles {
		if bytes.Contains(text, needle) {
			return true
		}
	}
	return false
}

// isDebug says whether a line is of a program's log at level debug or trace, by its first bytes: "[date][thread][debug]", "time\tdebug\t",
// {"level":"debug". An access log is told from these at a glance.
func isDebug(text []byte) bool {
	const stamp = len("2006-01-02T15:04:05.000000Z")
	if len(text) <= stamp+1 {
		return false
	}
	switch text[0] {
	case '[':
		at := bytes.IndexByte(text[:stamp+1], ']')
		if text[1] == '2' && (at < 0 || text[at+1] != '[') {
			return false
		}
	case '2':
		c := text[stamp]
		return (c == '\t' || c == ' ') && hasLevel(text)
	case '{':
		if text[2] != 'l' { // "level", and Docker's "log"
			return false
		}
	}
	return hasLevel(text)
}

// levelHead is where the level stands at the latest: after what kubectl puts before lines, a date and a thread.
const levelHead = 160

var debugWord, traceWord = []byte("debug"), []byte("trace")

func hasLevel(text []byte) bool {
	head := text[:min(len(text), levelHead)]
	return bytes.Contains(head, debugWord) || bytes.Contains(head, traceWord)
}
