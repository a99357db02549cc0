package proxylog

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// message is a line of a program's own log: not about a request, but what the program says.
type message struct {
	time   time.Time
	level  string
	scope  string            // the logger: "envoy connection", "access"
	text   string            // what is said, without what follows
	thread string            // of Envoy
	values map[string]string // key=value pairs after the text: ztunnel
}

// textMessage reads the forms of text that the programs of a mesh write:
//
//	2026-01-31T15:00:00.000000Z\tdebug\tenvoy connection external/envoy/source/common/tls/ssl_socket.cc:269\t[C1] text\tthread=28
//	2026-01-31T15:00:00.000000Z\twarn\taccess\tconnection failed\tsrc.addr=10.0.0.1:1 error="..."
//	[2026-01-31 15:00:00.000][28][debug][connection] [source/common/tls/ssl_socket.cc:251] [C1] text
//
// Tabs may have become blanks on the way, as they do in terminals.
func textMessage(line string) (message, bool) {
	if strings.HasPrefix(line, "[") {
		return envoyMessage(line)
	}
	return istioMessage(line)
}

// envoyMessage reads Envoy's own default, [date][thread][level][logger] [file:line] text. Before 1.9 the file had no bracket of its
// own before it.
func envoyMessage(line string) (message, bool) {
	var parts [4]string
	rest := line
	for i := range parts {
		inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
		if !ok || !strings.HasPrefix(rest, "[") || len(inside) > maxHead {
			return message{}, false
		}
		parts[i], rest = inside, after
	}
	at, ok := parseTime(parts[0])
	if !ok || !isLevel(parts[2]) {
		return message{}, false
	}
	m := message{time: at, thread: parts[1], level: parts[2], scope: "envoy " + parts[3]}
	m.text = withoutSource(strings.TrimPrefix(rest, " "))
	return m, true
}

// maxHead bounds each part of the head of a message, in bytes.
const maxHead = 160

// istioMessage reads what Istio's programs write: time, level, logger, text and more, with tabs between. Envoy within an Istio proxy has its
// source after the logger.
func istioMessage(line string) (message, bool) {
	stamp, rest, ok := cutField(line)
	at, isTime := parseTime(stamp)
	if !ok || !isTime {
		return message{}, false
	}
	level, rest, ok := cutField(rest)
	if !ok || !isLevel(level) {
		return message{}, false
	}
	m := message{time: at, level: level}
	if logger, after, ok := cutEnvoyLogger(rest); ok {
		m.scope, rest = logger, after
		m.text, m.thread, _ = strings.Cut(withoutSource(rest), "\tthread=")
		return m, true
	}
	m.scope, m.text = "", rest
	if scope, after, ok := cutField(rest); ok && !strings.ContainsAny(scope, "=\"") {
		m.scope, m.text = scope, after
	}
	m.text, m.values = cutValues(m.text)
	return m, true
}

// cutField cuts at the first tab, or at the first run of blanks.
func cutField(s string) (string, string, bool) {
	end := strings.IndexAny(s, "\t ")
	if end <= 0 || end > maxHead {
		return s, "", false
	}
	return s[:end], strings.TrimLeft(s[end:], "\t "), true
}

// cutEnvoyLogger reads "envoy connection" and what follows.
func cutEnvoyLogger(s string) (string, string, bool) {
	rest, ok := strings.CutPrefix(s, "envoy ")
	if !ok {
		return "", s, false
	}
	logger, rest, ok := cutField(rest)
	return "envoy " + logger, rest, ok
}

// withoutSource drops the place in Envoy's source, which stands before the text in one of two forms: "[external/.../x.cc:91] " and
// "external/.../x.cc:269\t".
func withoutSource(s string) string {
	s = strings.TrimLeft(s, " \t")
	head := s[:min(len(s), 2*maxHead)]
	at := strings.Index(head, ".cc:")
	if at < 0 {
		at = strings.Index(head, ".h:")
	}
	if at < 0 || strings.ContainsAny(strings.TrimPrefix(head[:at], "["), " \t[") {
		return s
	}
	_, rest, ok := cutField(s)
	if !ok {
		return s
	}
	return rest
}

// isLevel: the levels of Envoy, of Istio's programs and of ztunnel.
func isLevel(s string) bool {
	switch strings.ToLower(s) {
	case "trace", "debug", "info", "warn", "warning", "error", "critical", "off", "fatal", "none":
		return true
	}
	return false
}

// cutValues splits text from the key=value pairs that follow it, as ztunnel writes them: values with blanks are quoted as in Rust.
func cutValues(s string) (string, map[string]string) {
	text, rest := s, ""
	for at := 0; at < len(s); {
		end := strings.IndexAny(s[at:], " \t")
		if end < 0 {
			end = len(s) - at
		}
		if isKey(s[at : at+end]) {
			text, rest = strings.TrimRight(s[:at], " \t"), s[at:]
			break
		}
		at += end + 1
	}
	return text, pairs(rest)
}

// isKey says that a word begins with a key and a =.
func isKey(word string) bool {
	key, _, ok := strings.Cut(word, "=")
	return ok && key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
}

// maxPairs bounds the pairs of one line.
const maxPairs = 64

// pairs reads key=value pairs.
func pairs(s string) map[string]string {
	values := map[string]string{}
	for len(values) < maxPairs {
		key, rest, ok := strings.Cut(strings.TrimLeft(s, " \t"), "=")
		if !ok || !isKey(key+"=") {
			return values
		}
		value, after := pairValue(rest)
		if _, twice := values[key]; !twice {
			values[key] = value
		}
		s = after
	}
	return values
}

// pairValue reads a value and returns what follows it.
func pairValue(s string) (string, string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case s[i] == '"':
			return out.String(), s[i+1:]
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String(), ""
}

// jsonMessage reads the same from JSON: Istio's programs call the text msg, ztunnel message.
func (o object) message() (message, bool) {
	scope, scoped := o["scope"]
	level, levelled := o["level"]
	text, said := o["msg"]
	if !said {
		text, said = o["message"]
	}
	if !scoped || !levelled || !said || !isLevel(level) {
		return message{}, false
	}
	at, _ := parseTime(o["time"])
	return message{time: at, level: level, scope: scope, text: withoutSource(text), thread: o["thread"], values: o}, true
}

func sortedKeys(o object) []string { return slices.Sorted(maps.Keys(o)) }
