package sink

import (
	"fmt"
	"math"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// noTime marks a rung that has no moment of its own.
const noTime = math.MinInt64

// quiet is the pause, in microseconds, from which a ladder says that nothing happened.
const quiet = 200_000

// rung is one line of a ladder.
type rung struct {
	at    int64      // microseconds since the connection was first seen, or noTime
	from  event.Side // client and server: an arrow to the other end; network: to both; unknown: a note between them
	text  string     // safe
	style style
	lost  bool // the arrow does not arrive
}

// rungs tells the story of an event from top to bottom.
func (s Screen) rungs(e *event.Event) []rung {
	all := s.prefaceRungs(e)
	all = append(all, s.recordRungs(e)...)
	if len(all) == 0 && e.TCP.How != event.CloseRefused && e.TCP.How != event.CloseTimeout {
		all = append(all, note("no TLS record was seen"))
	}
	return s.withPauses(append(all, s.endRungs(e)...))
}

func note(text string) rung { return rung{at: noTime, from: event.Unknown, text: text, style: dim} }

// prefaceRungs is what went before TLS. Its moment is not recorded.
func (s Screen) prefaceRungs(e *event.Event) []rung {
	if e.Preface == "" {
		return nil
	}
	text := prefaceName(s, e.Preface) + " in plaintext"
	if len(e.Records) > 0 {
		return []rung{note("first, " + text)}
	}
	return []rung{{at: noTime, from: event.Client, text: text + " (" + spellBytes(e.TCP.ClientBytes) + ")", style: magenta}}
}

func prefaceName(s Screen, p event.Preface) string {
	switch p {
	case event.PrefaceProxyV1:
		return "PROXY protocol v1"
	case event.PrefaceProxyV2:
		return "PROXY protocol v2"
	case event.PrefaceConnect:
		return "HTTP CONNECT"
	case event.PrefacePostgres:
		return "Postgres SSLRequest"
	case event.PrefaceMySQL:
		return "MySQL greeting"
	case event.PrefaceOther:
		return "something unknown"
	}
	return s.safe(strings.ToUpper(string(p)))
}

// recordRungs draws the trail, bursts of encrypted records as one, and notes where it could not be followed.
func (s Screen) recordRungs(e *event.Event) []rung {
	last, alert := lastFrom(e), alertRecord(e)
	var all []rung
	for i := 0; i < len(e.Records); {
		if i == len(e.Records)-1 {
			all = append(all, s.gapRungs(e, isTrailGap)...)
		}
		n := burst(e, i, alert)
		all = append(all, s.recordRung(e, i, n, alert))
		i += n
		if from := e.Records[i-1].From; i-1 == last[from] {
			all = append(all, s.gapRungs(e, func(g event.Gap) bool { return g.From == from && !isTrailGap(g) })...)
		}
	}
	return append(all, s.gapRungs(e, func(g event.Gap) bool {
		_, drawn := last[g.From]
		return !drawn && !(isTrailGap(g) && len(e.Records) > 0)
	})...)
}

// isTrailGap says that records are missing in the middle: the trail keeps the first and the last.
func isTrailGap(g event.Gap) bool { return g.Why == event.GapTrail }

// gapRungs notes the gaps that are chosen.
func (s Screen) gapRungs(e *event.Event, chosen func(event.Gap) bool) []rung {
	var all []rung
	for _, g := range e.Gaps {
		if chosen(g) {
			all = append(all, rung{at: noTime, from: event.Unknown, text: s.gapText(g), style: yellow})
		}
	}
	return all
}

func (s Screen) gapText(g event.Gap) string {
	side := "the " + s.safe(string(g.From)) + "'s "
	switch g.Why {
	case event.GapReordered:
		return side + "records are not known from here on: segments came out of order"
	case event.GapNotTLS:
		return side + "bytes are not TLS from here on"
	case event.GapTooMany:
		return side + "records are not known from here on: too many in one segment"
	case event.GapTrail:
		return side + "records before this one are not all shown: only the first and the last are kept"
	}
	return side + "records are not known from here on: " + s.safe(g.Why)
}

// lastFrom is the index of each side's last record.
func lastFrom(e *event.Event) map[event.Side]int {
	last := map[event.Side]int{}
	for i, r := range e.Records {
		last[r.From] = i
	}
	return last
}

// alertRecord is the index of the record that carried the alert, or -1. An encrypted one looks like data: it is its sender's last.
func alertRecord(e *event.Event) int {
	for i := len(e.Records) - 1; i >= 0 && e.Alert != nil; i-- {
		r := &e.Records[i]
		if r.From == e.Alert.Sender && (r.Type == "alert" || e.Alert.Encrypted) {
			return i
		}
	}
	return -1
}

// burst counts the encrypted records from i on that one side sent in one go. They are drawn as one; the alert never is.
func burst(e *event.Event, i, alert int) int {
	end := len(e.Records)
	for _, g := range e.Gaps {
		if isTrailGap(g) {
			end-- // what is missing is noted before the last record
			break
		}
	}
	n := 1
	for i != alert && i+n != alert && i+n < end && sameBurst(&e.Records[i+n-1], &e.Records[i+n]) {
		n++
	}
	return n
}

func sameBurst(a, b *event.Record) bool {
	return a.Type == "application_data" && b.Type == a.Type && a.From == b.From && b.At-a.At < burstPause
}

// burstPause is the pause, in microseconds, that parts one burst from the next.
const burstPause = 1000

func (s Screen) recordRung(e *event.Event, i, n, alert int) rung {
	r := &e.Records[i]
	line := rung{at: r.At, from: r.From, text: s.recordName(r), style: plain}
	switch {
	case i == alert:
		line.text, line.style = s.alertName(e.Alert), styleOf(e)
	case r.Type == "alert":
		line.style = styleOf(e)
	case r.Type == "change_cipher_spec":
		line.style = dim
	}
	total := 0
	for _, r := range e.Records[i : i+n] {
		total += max(r.Length, 0)
	}
	if n > 1 {
		line.text += fmt.Sprintf(" %s%d", s.glyphs().times, n)
	}
	line.text += " (" + spellBytes(uint64(total)) + ")"
	if extra := s.helloExtra(e, r); extra != "" {
		line.text += " " + s.glyphs().dot + " " + extra
	}
	return line
}

// helloExtra is what matters most in a hello: the name that the client asked for, and the version that the server chose.
func (s Screen) helloExtra(e *event.Event, r *event.Record) string {
	switch {
	case r.Handshake == "client_hello":
		return s.target(e)
	case r.Handshake == "server_hello" && e.TLS != nil:
		return s.safe(e.TLS.Version)
	}
	return ""
}

// recordName spells a record as the RFCs write its message: ClientHello, ChangeCipherSpec.
func (s Screen) recordName(r *event.Record) string {
	switch {
	case r.Handshake != "":
		return camel(s.safe(r.Handshake))
	case r.Type == "application_data":
		return "encrypted"
	case r.Type == "handshake":
		return "encrypted handshake"
	}
	return camel(s.safe(r.Type))
}

func (s Screen) alertName(a *event.Alert) string {
	switch {
	case a.Name != "" && a.Level != "":
		return "ALERT " + s.safe(a.Name) + ", " + s.safe(a.Level)
	case a.Name != "":
		return "ALERT " + s.safe(a.Name)
	case a.Encrypted:
		return "ALERT, encrypted"
	}
	return "ALERT"
}

// camel turns client_hello into ClientHello. A number stays a number.
func camel(snake string) string {
	if snake == "" || snake[0] >= '0' && snake[0] <= '9' {
		return "record type " + firstOf(snake, "?")
	}
	var out strings.Builder
	for part := range strings.SplitSeq(snake, "_") {
		if part != "" {
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}
