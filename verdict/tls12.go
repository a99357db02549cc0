package verdict

import "github.com/tlstrace/tlstrace/event"

const (
	// emptyCertificate12 is the length of a TLS 1.2 Certificate message without a certificate (RFC 5246 section 7.4.2).
	emptyCertificate12 = 7
	// helloAndMore is longer than a ServerHello alone: the whole flight is in one record, as Schannel sends it.
	helloAndMore = 400
)

// clientAuth completes what the tracer knows of a client certificate with what the sizes of records tell.
func (c *connection) clientAuth() event.ClientAuth {
	known := event.ClientAuth("")
	if c.TLS != nil {
		known = c.TLS.ClientAuth
	}
	derived := c.clientAuth12()
	if c.tls13 {
		derived = c.flight.auth
	}
	if derived != "" {
		return derived
	}
	return known
}

// clientAuth12 reads the client's Certificate message, which TLS 1.2 sends in clear. A record that holds more than the
// message says nothing by its length.
func (c *connection) clientAuth12() event.ClientAuth {
	length, sent := c.client.said(certificate)
	_, verified := c.client.said(certificateVerify)
	_, exchanged := c.client.said(clientKeyExchange)
	switch {
	case verified:
		return event.ClientAuthSent
	case !sent:
		return ""
	case length <= emptyCertificate12:
		return event.ClientAuthEmpty
	case exchanged:
		return event.ClientAuthSent
	}
	return ""
}

// certified says that the client answered the question for its certificate, with one or without.
func (c *connection) certified() bool {
	return c.auth == event.ClientAuthSent || c.auth == event.ClientAuthEmpty
}

// trail12 reads a handshake of TLS 1.2 or older. Up to ChangeCipherSpec all of it is in clear.
func trail12(c *connection) (finding, bool) {
	if c.tls13 || !c.answered {
		return finding{}, false
	}
	switch {
	case c.client.finished12() && c.server.finished12(), c.server.has(typeData):
		return succeeded(), true
	case c.client.cut || c.server.cut, c.client.lost || c.server.lost:
		return undecided(summaryLost), true
	case c.client.has(typeAlert) && !c.repliedToClose(event.Client):
		return encryptedAlert12(c, event.Client), true
	case c.server.has(typeAlert) && !c.repliedToClose(event.Server):
		return encryptedAlert12(c, event.Server), true
	case c.certified() && c.client.finished12() && c.serverLeft() && c.TCP.Idle < promptly:
		return droppedCertificate(c), true
	}
	return finding{}, false
}

// repliedToClose says that the last record came after the other side had left: the side's alert did not end it.
func (c *connection) repliedToClose(side event.Side) bool {
	return c.TCP.ClosedBy == side.Peer() && c.TCP.Idle <= 0
}

// encryptedAlert12 reads an encrypted alert before both sides were done. Behind its own Finished it is most likely a
// close_notify; instead of it, the sender could not make sense of the other's keys.
func encryptedAlert12(c *connection, sender event.Side) finding {
	own := &c.client
	if sender == event.Server {
		own = &c.server
	}
	f := finding{
		outcome: event.Failed, reason: closedBy(sender), phase: event.PhaseFinished, gaveUp: sender, lookAt: sender,
		confidence: event.Derived, alert: &event.Alert{Sender: sender, Encrypted: true},
		summary: "The " + string(sender) + " ended the handshake with an encrypted alert before the other side's Finished.",
	}
	if !own.finished12() {
		f.reason, f.lookAt, f.confidence = event.KeyMismatch, sender.Peer(), event.Inferred
		f.summary = "The " + string(sender) + " changed to encryption and sent an alert in place of its Finished."
	}
	return f
}

// flightComplete says that the server has sent all that it sends before it waits for the client.
func (c *connection) flightComplete() bool {
	if c.tls13 {
		return len(c.server.sealed) > 0
	}
	if _, done := c.server.said(serverHelloDone); done || c.server.finished12() {
		return true
	}
	length, ok := c.server.said(serverHello)
	return ok && length > helloAndMore
}
