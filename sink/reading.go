package sink

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// keyWidth is the room for the keys of the blocks under a ladder.
const keyWidth = len("client cert  ")

// verdict writes what the event means.
func (l *ladder) verdict() {
	v := &l.e.Verdict
	l.section("VERDICT")
	heading := firstOf(l.safe(string(v.Reason)), l.safe(string(l.e.Outcome)), "no verdict")
	aside := ""
	if v.Layer != "" {
		aside = "  layer " + l.safe(string(v.Layer))
	}
	if n := times(l.e.Repeated); n > 1 {
		aside += "  " + l.glyphs().times + spellCount(n)
	}
	aside = l.cut(aside, l.width-2-displayWidth(heading))
	l.line("  " + l.paint(styleOf(l.e), l.cut(heading, l.width-2)) + l.paint(dim, aside))
	for _, line := range wrap(l.safe(v.Summary), l.width-2) {
		l.line("  " + l.paint(bold, line))
	}
	l.line("")
	l.pair("step", spellPhase(l, v.Phase), plain)
	l.pair("gave up", l.party(v.GaveUp), plain)
	l.pair("look at", l.party(v.LookAt), bold)
	l.pair("how sure", spellConfidence(l, v.Confidence), plain)
	l.pair("next", l.safe(v.Hint), plain)
}

// facts writes what the verdict rests on.
func (l *ladder) facts() {
	l.section("FACTS")
	for _, f := range l.Screen.facts(l.e) {
		l.pair(f.name, f.value, plain)
	}
}

func (l *ladder) section(title string) {
	h := l.glyphs().horizontal
	rest := strings.Repeat(h, max(l.width-len(title)-4, 0))
	l.line("")
	l.line(l.paint(dim, h+h) + " " + l.paint(bold, title) + " " + l.paint(dim, rest))
}

// pair writes a key and its value, wrapped under itself. Without a value there is nothing to say.
func (l *ladder) pair(key, value string, st style) {
	for _, line := range wrap(value, l.width-2-keyWidth) {
		l.line("  " + l.paint(dim, pad(key, keyWidth)) + l.paint(st, line))
		key = ""
	}
}

// party is a side with its name.
func (l *ladder) party(side event.Side) string {
	switch side {
	case event.Client:
		return "client: " + l.end(&l.e.Client).clientForms()[0]
	case event.Server:
		return "server: " + l.end(&l.e.Server).serverForms()[0]
	case event.Network:
		return "network: what is between the two ends"
	}
	return l.safe(string(side))
}

func spellConfidence(l *ladder, c event.Confidence) string {
	switch c {
	case event.Exact:
		return "exact: an alert or a library said so"
	case event.Derived:
		return "derived: it follows from the bytes"
	case event.Inferred:
		return "inferred: the likeliest reading"
	}
	return l.safe(string(c))
}

func spellPhase(l *ladder, p event.Phase) string {
	switch p {
	case event.PhaseConnect:
		return "TCP connect: there was no connection yet"
	case event.PhasePreface:
		return "before TLS: the connection began in plaintext"
	case event.PhaseClientHello:
		return "ClientHello: it was being sent or answered"
	case event.PhaseServerHello:
		return "ServerHello: the client judged what the server chose"
	case event.PhaseServerCertificate:
		return "server certificate: the client judged it"
	case event.PhaseClientCertificate:
		return "client certificate: the server judged it, or that there was none"
	case event.PhaseFinished:
		return "Finished: both ends compared their keys"
	case event.PhaseEstablished:
		return "established: both ends were done"
	}
	return l.safe(string(p))
}
