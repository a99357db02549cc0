package verdict

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Record types, as the trail spells them.
const (
	typeHandshake = "handshake"
	typeAlert     = "alert"
	typeCCS       = "change_cipher_spec"
	typeData      = "application_data"
)

// clearAlertLength is the body of an alert that is not encrypted: level and description (RFC 8446 section 6).
const clearAlertLength = 2

// connection is an event with its trail read.
type connection struct {
	event.Event
	client, server half
	hello          bool // a ClientHello was begun
	retry          bool // the server sent a HelloRetryRequest
	secondHello    bool // the client answered it
	answered       bool // a ServerHello was sent
	tls13          bool
	flight         flight // TLS 1.3 only
	auth           event.ClientAuth
}

// half is what one side sent.
type half struct {
	records int
	clear   int           // records with handshake messages in clear
	first   [messages]int // length of the first record that begins with a message, plus one; 0 if there is none
	sealed  []sealed      // records that are encrypted, early data left out
	early   int           // application data that the client sent before the ServerHello
	ccs     bool
	lost    bool // records are missing and nobody knows which
	cut     bool // records in the middle are missing
}

// message indexes the handshake messages whose place in clear means something.
type message int

const (
	clientHello message = iota
	serverHello
	helloRetryRequest
	certificate
	serverHelloDone
	clientKeyExchange
	certificateVerify
	messages
)

func messageNamed(name string) message {
	switch name {
	case "client_hello":
		return clientHello
	case "server_hello":
		return serverHello
	case "hello_retry_request":
		return helloRetryRequest
	case "certificate":
		return certificate
	case "server_hello_done":
		return serverHelloDone
	case "client_key_exchange":
		return clientKeyExchange
	case "certificate_verify":
		return certificateVerify
	}
	return messages
}

type sealed struct {
	index  int // in the trail
	kind   string
	length int
	at     int64 // microseconds
}

func read(e event.Event) connection {
	c := connection{Event: e}
	for i, r := range e.Records {
		switch r.From {
		case event.Client:
			c.add(&c.client, i, r)
		case event.Server:
			c.add(&c.server, i, r)
		}
	}
	for _, g := range e.Gaps {
		c.client.gap(g, event.Client)
		c.server.gap(g, event.Server)
	}
	if c.tls13 = c.isTLS13(); c.tls13 {
		c.flight = c.flight13()
	}
	c.auth = c.clientAuth()
	return c
}

func (c *connection) add(h *half, i int, r event.Record) {
	h.records++
	s := sealed{index: i, kind: r.Type, length: r.Length, at: r.At}
	switch r.Type {
	case typeCCS:
		h.ccs = true
	case typeHandshake:
		m := messageNamed(r.Handshake)
		if h.ccs && !c.clearAfterCCS(r.From, m) {
			h.seal(s, len(c.Records))
			return
		}
		h.hear(m, r.Length)
		c.note(r.From, m)
	case typeAlert:
		if h.ccs && r.Length > clearAlertLength {
			h.seal(s, len(c.Records))
		}
	case typeData:
		if r.From == event.Client && !c.answered {
			h.early++
			return
		}
		h.seal(s, len(c.Records))
	}
}

// clearAfterCCS tells the second hellos of TLS 1.3, which follow a ChangeCipherSpec that means nothing (RFC 8446 appendix
// D.4), from encrypted records of TLS 1.2, whose first byte may by chance look like a message type.
func (c *connection) clearAfterCCS(from event.Side, m message) bool {
	second := (from == event.Client && m == clientHello) || (from == event.Server && m == serverHello)
	return second && c.retry && !c.answered
}

func (c *connection) note(from event.Side, m message) {
	switch {
	case from == event.Client && m == clientHello:
		c.secondHello = c.retry
		c.hello = true
	case from == event.Server && m == helloRetryRequest:
		c.retry = true
	case from == event.Server && m == serverHello:
		c.answered = true
	}
}

// hear notes a message in clear, seal an encrypted record; limit is how many there can be.
func (h *half) hear(m message, length int) {
	h.clear++
	if m < messages && h.first[m] == 0 {
		h.first[m] = length + 1
	}
}

func (h *half) seal(s sealed, limit int) {
	if h.sealed == nil {
		h.sealed = make([]sealed, 0, limit-s.index)
	}
	h.sealed = append(h.sealed, s)
}

func (h *half) gap(g event.Gap, side event.Side) {
	switch {
	case g.From != side:
	case g.Why == event.GapTrail:
		h.cut = true
	default:
		h.lost = true
	}
}

// isTLS13 takes the version from the ServerHello, else from its flight: only TLS 1.3 has application data right after it.
func (c *connection) isTLS13() bool {
	if c.TLS != nil && c.TLS.Version != "" {
		return strings.HasSuffix(c.TLS.Version, "1.3")
	}
	if c.retry {
		return true
	}
	if !c.answered || c.server.clear > 1 || c.server.finished12() {
		return false
	}
	return c.server.has(typeData)
}

// said tells whether a message was seen in clear, and how long its record was.
func (h *half) said(m message) (length int, ok bool) {
	return h.first[m] - 1, h.first[m] > 0
}

// has tells whether an encrypted record of that outer type was seen.
func (h *half) has(kind string) bool {
	for _, s := range h.sealed {
		if s.kind == kind {
			return true
		}
	}
	return false
}

// finished12 tells whether the side sent ChangeCipherSpec and an encrypted handshake record: its TLS 1.2 Finished.
func (h *half) finished12() bool { return h.has(typeHandshake) }

func (c *connection) lost(side event.Side) bool {
	return (side == event.Client && c.client.lost) || (side == event.Server && c.server.lost)
}

func (c *connection) resumed() bool { return c.TLS != nil && c.TLS.Resumed }

// helloPartial says that the client sent less than the ClientHello record that it announced.
func (c *connection) helloPartial() bool {
	length, ok := c.client.said(clientHello)
	return ok && c.client.records == 1 && c.TCP.ClientBytes > 0 && c.TCP.ClientBytes < uint64(length)+recordHeader
}
