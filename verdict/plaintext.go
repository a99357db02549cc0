package verdict

import "github.com/tlstrace/tlstrace/event"

const (
	// recordHeader is the length of a TLS record header; fewer bytes show nothing (RFC 8446 section 5.1).
	recordHeader = 5
	// shortAnswer bounds the page by which servers say that a TLS port was asked in plain HTTP: 76 bytes from Go, about 400
	// from nginx, 700 from Apache. A longer answer is content, and the port serves both.
	shortAnswer = 1024
)

// plainPeer reads a server that answered a ClientHello with something that is no TLS record. The alert by which a client may
// complain about it (OpenSSL sends protocol_version) would mislead, so this comes before the alerts.
func plainPeer(c *connection) (finding, bool) {
	if !c.hello || c.server.records > 0 || c.TCP.ServerBytes == 0 || c.upgraded() {
		return finding{}, false
	}
	f := finding{
		outcome: event.Failed, reason: event.TLSToPlaintext, phase: event.PhaseClientHello,
		gaveUp: c.gaveUp(), lookAt: event.Client, confidence: event.Derived,
		summary: "The server answered the ClientHello with bytes that are not TLS.",
	}
	switch {
	case c.notTLS(event.Server):
	case c.server.lost || c.TCP.ServerBytes >= recordHeader:
		return undecided(summaryLost), true
	default:
		f.confidence = event.Inferred
		f.summary = "The server answered the ClientHello with a few bytes, too short for a TLS record."
	}
	if c.Alert != nil && c.Alert.Sender == event.Client && !c.repliedToClose(event.Client) {
		f.gaveUp = event.Client
	}
	if c.redirected() {
		f.redirectNotTLS(c)
	}
	return f, true
}

// upgraded says that both sides spoke plaintext before the hello: the server's bytes may all be from then.
func (c *connection) upgraded() bool {
	return c.Preface != "" && !c.notTLS(event.Server)
}

func (c *connection) notTLS(side event.Side) bool {
	for _, g := range c.Gaps {
		if g.From == side && g.Why == event.GapNotTLS {
			return true
		}
	}
	return false
}

// plainOwn reads a client that sent bytes, and none of them in a TLS record.
func plainOwn(c *connection) (finding, bool) {
	switch {
	case c.client.records > 0:
		return finding{}, false
	case c.client.lost && !c.notTLS(event.Client):
		return undecided(summaryLost), true
	case c.server.has(typeData) || c.answered:
		return undecided("The server spoke TLS and nothing of the client's side was seen."), true
	case c.TCP.ClientBytes == 0:
		return noise(event.Scan, "The client said nothing and the server did: no handshake was tried."), true
	case c.server.records > 0:
		return refusedPlaintext(c), true
	case c.Preface == event.PrefacePostgres && c.TCP.ServerBytes == 1:
		return declinedUpgrade(c), true
	case !c.TCP.TLSListener:
		return noise(event.Scan, "The connection carried no TLS."), true
	case c.TCP.ClientBytes < recordHeader && c.Preface == "" && c.gaveUp() == event.Server:
		return ending(c), true
	}
	return plaintextListener(c), true
}

// refusedPlaintext reads a server that answered plaintext with a TLS record, which can only be an alert.
func refusedPlaintext(c *connection) finding {
	f := plaintext(c)
	f.gaveUp, f.confidence = event.Server, event.Derived
	if c.repliedToClose(event.Server) {
		f.gaveUp = event.Client
	}
	f.summary += " and the server answered with a TLS alert."
	return f
}

// plaintextListener reads a client that sent no TLS to a port where others are answered with TLS.
func plaintextListener(c *connection) finding {
	side, known := c.closer()
	f := plaintext(c)
	f.gaveUp, f.confidence = c.gaveUp(), event.Inferred
	silent := c.TCP.ServerBytes == 0
	switch {
	case !known:
		return undecided("The client sent no TLS to a TLS port, and how it ended was not seen.")
	case silent && side == event.Server:
		f.summary += " and the server ended the connection without a word."
	case silent && c.Preface != "" && c.pause() >= promptly:
		f.summary += " and the server never answered."
	case c.TCP.BadRequest && !c.sidecar() && c.Preface == event.PrefaceHTTP && c.TCP.ServerBytes <= shortAnswer && c.pause() < promptly:
		f.gaveUp = event.Server // by its answer, whoever then closes first
		f.summary += " and the server answered in plaintext, as servers do to say so."
	default:
		return noise(event.Scan, "The connection carried no TLS.")
	}
	return f
}

// plaintext is what all findings about a client without TLS share. Bytes of no known protocol are garbage, not a client
// with TLS switched off. The summary lacks its end.
func plaintext(c *connection) finding {
	f := finding{outcome: event.Failed, reason: event.PlaintextToTLS, phase: event.PhaseClientHello, lookAt: event.Client}
	f.summary = "The client spoke plaintext (" + word(string(c.Preface)) + ") to a TLS port"
	f.hint = prefaceHint(c.Preface)
	if c.Preface == "" || c.Preface == event.PrefaceOther {
		f.reason = event.Malformed
		f.summary = "The client sent bytes that are no TLS to a TLS port"
	}
	return f
}

// declinedUpgrade reads a Postgres client that asked for TLS, got one byte, and sent no hello: the byte was N.
func declinedUpgrade(c *connection) finding {
	return finding{
		outcome: event.Failed, reason: event.TLSToPlaintext, phase: event.PhasePreface,
		gaveUp: c.gaveUp(), lookAt: event.Server, confidence: event.Derived,
		summary: "The client asked the Postgres server for TLS and the server declined.",
		hint:    "Set ssl = on and a certificate on the server, or sslmode on the client to what the server has.",
	}
}
