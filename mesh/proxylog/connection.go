package proxylog

import (
	"strconv"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// maxConnections bounds the connections of which a debug log is remembered, and the threads likewise.
const (
	maxConnections = 4096
	maxThreads     = 256
)

// connections remembers what a debug log has said so far: the line that tells of a failure says neither which side the proxy was on nor
// why a certificate was refused, but lines before it do. The oldest are forgotten.
type connections struct {
	known   map[string]*connection
	order   []string // ring of the keys of known
	next    int
	refused map[string]refusal // what a thread last found wrong with a certificate
	spell   func(reason int) string
	// heard is the smallest ID of a connection that the proxy was heard to make. IDs grow: of a later one that is not known it would
	// have been heard, too, so that it was accepted.
	heard uint64
}

// connection is what is known of one.
type connection struct {
	side        event.Side
	peer        event.Endpoint
	handshaking bool
	established bool
	told        bool
}

// refusal is a finding that Envoy logs without naming the connection. The thread that found it fails the connection at once.
type refusal struct {
	detail string
	at     time.Time
}

// Bounds for what is remembered, in bytes: of the ID of a connection or a thread, and of a finding.
const (
	maxID     = 24
	maxDetail = 2048
)

// atOnce is how much later the failure may be logged.
const atOnce = 100 * time.Millisecond

func newConnections() *connections {
	return &connections{known: map[string]*connection{}, refused: map[string]refusal{}}
}

// get returns the connection of an ID, a new one if it is not known.
func (cs *connections) get(id string) *connection {
	if c := cs.known[id]; c != nil {
		return c
	}
	c := &connection{side: event.Unknown}
	id = strings.Clone(id)
	cs.known[id] = c
	if len(cs.order) < maxConnections {
		cs.order = append(cs.order, id)
		return c
	}
	delete(cs.known, cs.order[cs.next])
	cs.order[cs.next] = id
	cs.next = (cs.next + 1) % maxConnections
	return c
}

// hear reads a message of Envoy's own log. It returns a failure if the message tells one that was not told yet.
func (cs *connections) hear(m message) (event.Event, bool) {
	if detail, ok := strings.CutPrefix(m.text, "verify cert failed: "); ok {
		if len(cs.refused) >= maxThreads {
			clear(cs.refused)
		}
		cs.refused[bounded(m.thread, maxID)] = refusal{strings.Clone("verify cert failed: " + bounded(detail, maxDetail)), m.time}
		return event.Event{}, false
	}
	id, text := connectionID(m.text)
	if peer, w, ok := saidOfConnection(text); ok {
		return cs.fail(id, m, peer, w)
	}
	if id == "" {
		return event.Event{}, false
	}
	cs.remember(id, text)
	return event.Event{}, false
}

// remember keeps what tells a side or a stage.
func (cs *connections) remember(id, text string) {
	switch {
	case strings.HasPrefix(text, "connecting to "):
		c := cs.get(id)
		*c = connection{side: event.Client, peer: endpoint(firstWord(text[len("connecting to "):]))}
		if n, err := strconv.ParseUint(id, 10, 64); err == nil && (cs.heard == 0 || n < cs.heard) {
			cs.heard = n
		}
	case strings.HasPrefix(text, "new connection from "):
		c := cs.get(id)
		*c = connection{side: event.Server, peer: endpoint(firstWord(text[len("new connection from "):]))}
	case text == "new connection":
		*cs.get(id) = connection{side: event.Server}
	case strings.HasPrefix(text, "handshake expecting "):
		cs.get(id).handshaking = true
	case strings.Contains(text, "handshake complete"):
		c := cs.get(id)
		c.handshaking, c.established = false, true
	}
}

// fail makes the event, once for each connection: several loggers tell the same failure.
func (cs *connections) fail(id string, m message, peer string, w words) (event.Event, bool) {
	c := &connection{side: event.Unknown}
	if id != "" {
		c = cs.get(id)
	}
	if c.told {
		return event.Event{}, false
	}
	c.told = true
	if w.detail == "" && w.verifyFailed() {
		if r, ok := cs.refused[bounded(m.thread, maxID)]; ok && m.time.Sub(r.at).Abs() <= atOnce {
			w.detail = r.detail
		}
	}
	delete(cs.refused, bounded(m.thread, maxID))
	if c.side == event.Unknown && cs.wasAccepted(id) {
		c.side = event.Server
	}
	f := failure{words: w, spell: cs.spell, side: c.side, established: c.established, unsure: !c.handshaking}
	if f.afterHandshake() {
		return event.Event{}, false
	}
	e := f.event()
	e.Time = m.time
	end := c.peer
	if peer != "" {
		end = endpoint(peer)
	}
	switch f.side {
	case event.Client:
		e.Server = end
	case event.Server:
		e.Client = end
	}
	f.claimed(&e)
	return e, true
}

func (w words) verifyFailed() bool {
	return len(w.errors) > 0 && w.cause().code == libSSL<<libShift|verifyFailed
}

// wasAccepted: see connections.heard. Once something was forgotten, that it is not known says nothing any more.
func (cs *connections) wasAccepted(id string) bool {
	n, err := strconv.ParseUint(id, 10, 64)
	return err == nil && cs.heard > 0 && n > cs.heard && len(cs.order) < maxConnections
}

// verifyFailed is the reason of CERTIFICATE_VERIFY_FAILED in BoringSSL (SSL_R_ in its include/openssl/ssl.h).
const verifyFailed = 125

// connectionID reads the ID of a connection off the front of a message: [C321], since 1.23 [Tags: "ConnectionId":"80"]; other tags
// and the stream's ID are dropped.
func connectionID(text string) (string, string) {
	id := ""
	for strings.HasPrefix(text, "[") {
		tag, rest, ok := strings.Cut(text[1:], "]")
		if !ok || len(tag) > maxHead {
			break
		}
		switch {
		case strings.HasPrefix(tag, "C") && isDigits(tag[1:]):
			id = tag[1:]
		case strings.HasPrefix(tag, "Tags: "):
			if _, after, ok := strings.Cut(tag, `"ConnectionId":"`); ok {
				id, _, _ = strings.Cut(after, `"`)
			}
		case strings.HasPrefix(tag, "S") && isDigits(tag[1:]):
		default:
			return bounded(id, maxID), strings.TrimLeft(text, " ")
		}
		text = rest
	}
	return bounded(id, maxID), strings.TrimLeft(text, " ")
}

func isDigits(s string) bool { return s != "" && leadingDigits(s) == s }

// saidOfConnection finds Envoy's words in the messages that hold them, and the address of the peer.
func saidOfConnection(text string) (string, words, bool) {
	if rest, ok := strings.CutPrefix(text, "remote address:"); ok {
		peer, said, _ := strings.Cut(rest, ",")
		w, ok := parseWords(said)
		return peer, w, ok
	}
	if _, said, ok := strings.Cut(text, "failure reason: "); ok && strings.HasPrefix(text, "client disconnected") {
		w, ok := parseWords(said)
		return "", w, ok
	}
	w, ok := parseWords(text)
	return "", w, ok
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}
