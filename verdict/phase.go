package verdict

import "github.com/tlstrace/tlstrace/event"

// phase names what was being waited for or judged when the connection ended.
func (c *connection) phase() event.Phase {
	switch {
	case c.Light: // nobody knows
		return ""
	case c.client.records == 0 && c.Preface != "":
		return event.PhasePreface
	case !c.answered && c.retry && !c.secondHello:
		return event.PhaseServerHello
	case !c.answered:
		return event.PhaseClientHello
	case c.clientFlightBegun() && c.certified():
		return event.PhaseClientCertificate
	case c.clientFlightBegun():
		return event.PhaseFinished
	case c.resumed() && c.flightComplete():
		return event.PhaseFinished
	case c.flightComplete():
		return event.PhaseServerCertificate
	}
	return event.PhaseServerHello
}

// clientFlightBegun says that the client answered the server's flight with more than an alert.
func (c *connection) clientFlightBegun() bool {
	if c.tls13 {
		return c.flight.finished
	}
	_, exchanged := c.client.said(clientKeyExchange)
	_, sent := c.client.said(certificate)
	return c.answered && (exchanged || sent || c.client.ccs)
}

// alertPhase is the phase in which an alert was sent. What it judges is named by the code where the trail leaves it open.
func (c *connection) alertPhase(sender event.Side, code uint8) event.Phase {
	switch {
	case sender == event.Client && isCertificateAlert(code) && c.answered:
		return event.PhaseServerCertificate
	case sender == event.Server && isCertificateAlert(code) && c.answered:
		return event.PhaseClientCertificate
	case c.client.records == 0:
		return event.PhaseClientHello
	case sender == event.Client && c.answered && judgesHello(code):
		return event.PhaseServerHello
	case c.answered && alertTableReason(code) == event.KeyMismatch:
		return event.PhaseFinished
	}
	return c.phase()
}

// judgesHello: alerts by which a client refuses what the server chose.
func judgesHello(code uint8) bool {
	switch code {
	case alertHandshakeFailure, alertIllegalParameter, alertProtocolVersion, alertInsufficientSecurity, alertMissingExtension,
		alertUnsupportedExtension, alertUnrecognizedName, alertNoApplicationProtocol:
		return true
	}
	return false
}

func alertTableReason(code uint8) event.Reason {
	r, _ := registered(code)
	return r.reason
}
