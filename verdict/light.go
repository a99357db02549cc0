package verdict

import "github.com/tlstrace/tlstrace/event"

const summaryLight = "How the connection ended is known, but nobody looked at its bytes: it cannot be called either way."

// light reads a connection whose bytes nobody looked at. That it was reset says something only where others like it speak TLS, which
// the kernel side has made sure of; for the rest it is the library's to say whether a handshake failed.
func light(c *connection) (finding, bool) {
	if !c.Light {
		return finding{}, false
	}
	side, known := c.closer()
	switch {
	case c.Library != nil:
		return undecided(summaryLight), true
	case c.TCP.How == event.CloseTimeout:
		return lightTimeout(c), true
	case !known || c.TCP.How != event.CloseRST:
		return undecided(summaryLight), true
	case side == event.Network:
		return resetInBetween(), true
	}
	return lightReset(side), true
}

func lightReset(side event.Side) finding {
	f := finding{
		outcome: event.Failed, reason: event.ResetByServer, gaveUp: side, lookAt: side,
		summary: "The " + string(side) + " reset the connection when it had carried no more than a handshake does.",
		hint:    "Nobody looked at its bytes: the next one of this container is told in full.",
	}
	if side == event.Client {
		f.reason = event.ResetByClient
	}
	return f
}

func lightTimeout(c *connection) finding {
	return finding{
		outcome: event.Failed, reason: event.HandshakeTimeout, gaveUp: c.kernelOf(), lookAt: event.Network,
		summary: "The kernel gave up on the connection when it had carried no more than a handshake does.",
	}
}

// modestly calls inferred what was concluded without a look at the bytes. What the connect said needs none.
func (f finding) modestly(c *connection) finding {
	if c.Light && f.outcome == event.Failed && f.reason.Layer() != event.LayerConnect {
		f.confidence = event.Inferred
	}
	return f
}
