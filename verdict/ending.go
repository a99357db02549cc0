package verdict

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

const (
	summaryLost = "Part of the connection could not be followed, so that it cannot be called either way."
	summaryOpen = "The handshake was not complete, and how the connection ended was not seen."
)

// ending reads a handshake that nothing explains: it stopped, and what is left is who ended it, how, and who was waited for.
func ending(c *connection) finding {
	side, known := c.closer()
	switch {
	case (c.client.lost || c.server.lost) && (c.answered || c.server.lost):
		return undecided(summaryLost)
	case c.client.cut || c.server.cut:
		return undecided(summaryLost)
	case c.TCP.How == event.CloseTimeout:
		return lostPeer(c)
	case !known:
		return undecided(summaryOpen)
	case side == event.Network:
		return resetInBetween()
	case side != c.turn() && c.pause() >= promptly:
		return timedOut(c, side)
	case c.TCP.How == event.CloseRST:
		return reset(c, side)
	case c.refusedSilently(side):
		return droppedServerCertificate()
	}
	return closed(c, side)
}

// closer is the side that ended the connection first.
func (c *connection) closer() (event.Side, bool) {
	switch c.TCP.How {
	case event.CloseFIN, event.CloseRST, event.CloseTimeout:
	default:
		return "", false
	}
	if c.TCP.How == event.CloseRST && (c.TCP.ResetBy == event.Network || c.TCP.ClosedBy == event.Network) {
		return event.Network, true
	}
	for _, side := range []event.Side{c.TCP.ClosedBy, c.TCP.ResetBy} {
		if side == event.Client || side == event.Server {
			return side, true
		}
	}
	return "", false
}

// gaveUp is the side that ended it, or unknown.
func (c *connection) gaveUp() event.Side {
	if side, ok := c.closer(); ok {
		return side
	}
	return event.Unknown
}

// pause is how long nothing had come before the end. Without a record there is no moment to count from but the start.
func (c *connection) pause() float64 {
	if len(c.Records) == 0 {
		return c.Duration
	}
	return c.TCP.Idle
}

// turn is the side that the other was waiting for.
func (c *connection) turn() event.Side {
	switch {
	case !c.hello || c.helloPartial():
		return event.Client
	case c.retry && !c.secondHello && !c.answered:
		return event.Client
	case !c.flightComplete():
		return event.Server
	case c.clientFlightComplete():
		return event.Server
	}
	return event.Client
}

func (c *connection) clientFlightComplete() bool {
	if c.tls13 {
		return c.clientFlightBegun()
	}
	return c.client.finished12()
}

// lingered says that a program asked for the reset by SO_LINGER (enum sk_rst_reason), where the
// kernel says so.
func (c *connection) lingered() bool {
	return strings.HasSuffix(c.TCP.ResetReason, "TCP_ABORT_ON_LINGER")
}

// refusedSilently: the client had the server's certificate before it, sent nothing more and closed at once. Node and Bun
// refuse so, outside their TLS library. When their close leaves bytes unread it becomes a reset, which looks like any other.
func (c *connection) refusedSilently(side event.Side) bool {
	return side == event.Client && c.TCP.Idle < promptly && c.flightComplete() && !c.clientFlightBegun() && !c.resumed()
}

func droppedServerCertificate() finding {
	return finding{
		outcome: event.Failed, reason: event.ServerCertificateRejected, phase: event.PhaseServerCertificate,
		gaveUp: event.Client, lookAt: event.Server, confidence: event.Inferred,
		summary: "The client closed the connection, without an alert, as soon as it had the server's certificate.",
	}
}

// timedOut: one side waited for the other, and then left.
func timedOut(c *connection, side event.Side) finding {
	return finding{
		outcome: event.Failed, reason: event.HandshakeTimeout, gaveUp: side, lookAt: c.turn(), confidence: event.Derived,
		summary: "The " + string(side) + " gave up waiting for the " + string(c.turn()) + " (" + seconds(c.pause()) + " of silence).",
		hint:    c.perhapsPlaintext(),
	}
}

// lostPeer: the kernel gave up. Data that had to be sent again and again was never acknowledged, so the way is broken or
// the host is gone; without that the peer is just silent.
func lostPeer(c *connection) finding {
	f := finding{
		outcome: event.Failed, reason: event.HandshakeTimeout, gaveUp: c.kernelOf(), lookAt: c.turn(), confidence: event.Derived,
		summary: "The kernel gave up on the connection: the other end stopped answering in the middle of the handshake.",
	}
	if c.TCP.Retransmits > 0 {
		f.lookAt = event.Network
	}
	return f
}

// kernelOf is the side whose kernel gave up: the one that was watched, if nothing else says so.
func (c *connection) kernelOf() event.Side {
	side := c.gaveUp()
	switch {
	case side != event.Unknown:
		return side
	case c.ObservedFrom == event.FromClient:
		return event.Client
	case c.ObservedFrom == event.FromServer:
		return event.Server
	}
	return event.Unknown
}

func resetInBetween() finding {
	return finding{
		outcome: event.Failed, reason: event.ResetInBetween, gaveUp: event.Network, lookAt: event.Network, confidence: event.Derived,
		summary: "Both ends got a reset that neither of them sent.",
	}
}

func reset(c *connection, side event.Side) finding {
	f := finding{
		outcome: event.Failed, reason: event.ResetByServer, gaveUp: side, lookAt: side, confidence: event.Derived,
		summary: "The " + string(side) + " reset the connection " + c.where() + ".",
	}
	if side == event.Client {
		f.reason = event.ResetByClient
	} else {
		f.hint = c.perhapsPlaintext()
	}
	if c.refusedSilently(side) && !c.lingered() {
		f.hint = "A client that refuses the certificate without an alert and leaves bytes unread looks like this, too (Node does)."
	}
	return f
}

func closed(c *connection, side event.Side) finding {
	f := finding{
		outcome: event.Failed, reason: closedBy(side), gaveUp: side, lookAt: side, confidence: event.Derived,
		summary: "The " + string(side) + " closed the connection " + c.where() + ".",
	}
	if side == event.Server {
		f.hint = c.perhapsPlaintext()
	}
	return f
}

// perhapsPlaintext adds a doubt: a server that never answered a hello may not know TLS (Redis waits for the end of a line).
func (c *connection) perhapsPlaintext() string {
	if !c.hello || c.TCP.ServerBytes > 0 || c.TCP.TLSListener {
		return ""
	}
	return "This port was not seen to speak TLS: is it a plaintext port?"
}

func closedBy(side event.Side) event.Reason {
	if side == event.Client {
		return event.ClosedByClient
	}
	return event.ClosedByServer
}

// where says in words how far the handshake was.
func (c *connection) where() string {
	switch c.phase() {
	case event.PhasePreface:
		return "before the TLS handshake"
	case event.PhaseServerHello:
		return "after the ServerHello"
	case event.PhaseServerCertificate:
		return "after the server's certificate"
	case event.PhaseClientCertificate:
		return "after the client's certificate"
	case event.PhaseFinished:
		return "before both sides had finished"
	}
	if !c.hello || c.helloPartial() {
		return "before the ClientHello was complete"
	}
	return "after the ClientHello, before any answer"
}
