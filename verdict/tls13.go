package verdict

import "github.com/tlstrace/tlstrace/event"

// flight is the client's answer to the server's first flight in TLS 1.3: Certificate and CertificateVerify if it was asked for
// them, and Finished. All of it is encrypted; its records are known by their sizes.
type flight struct {
	auth     event.ClientAuth
	refused  bool // nothing but alerts
	finished bool
	unclear  bool // there are records, and their sizes say nothing
	begin    int  // index in the trail of its first record
	end      int  // index in the trail of its last record
	at       int64
}

func (c *connection) flight13() flight {
	s, records := c.clientSizes(), c.client.sealed
	if len(records) == 0 {
		return flight{}
	}
	if c.client.early > 0 || (c.TLS != nil && c.TLS.EarlyData) {
		return earlyFlight(s, records)
	}
	first := records[0]
	f := flight{finished: true, begin: first.index, end: first.index, at: first.at}
	switch {
	case s.onlyAlerts(records):
		return flight{refused: true, end: first.index, at: first.at}
	case s.isFinished(first.length):
	case s.isEmptyAndFinished(first.length):
		f.auth = event.ClientAuthEmpty
	case s.isEmptyCertificate(first.length):
		f.auth = event.ClientAuthEmpty
		f.extend(c, s)
	case first.length >= smallestCertificate:
		f.auth = event.ClientAuthSent
		f.extend(c, s)
	default:
		f.unclear = true
	}
	return f
}

// extend moves the end of the flight to its Finished, if that is a record of its own. It left in one go with the Certificate:
// a record of that size that comes after the server spoke again is application data.
func (f *flight) extend(c *connection, s sizes) {
	spoke := c.server.after(f.end)
	for _, r := range c.client.sealed[1:] {
		if len(spoke) > 0 && r.index > spoke[0].index {
			return
		}
		if s.isFinished(r.length) {
			f.end, f.at = r.index, r.at
			return
		}
	}
}

// earlyFlight finds the Finished behind early data. A handshake with early data resumes a session, so that no
// certificate is asked for (RFC 8446 section 4.3.2).
func earlyFlight(s sizes, records []sealed) flight {
	for _, r := range records {
		if s.isFinished(r.length) {
			return flight{finished: true, end: r.index, at: r.at}
		}
	}
	last := records[len(records)-1]
	return flight{unclear: true, finished: true, end: last.index, at: last.at}
}

// after returns the encrypted records that followed a place in the trail.
func (h *half) after(index int) []sealed {
	for i, s := range h.sealed {
		if s.index > index {
			return h.sealed[i:]
		}
	}
	return nil
}

// trail13 reads a TLS 1.3 handshake in which the server has chosen.
func trail13(c *connection) (finding, bool) {
	if !c.tls13 || !c.answered {
		return finding{}, false
	}
	f := c.flight
	switch {
	case f.refused:
		return clientRefused(c), true
	case f.finished:
		return afterFinished(c, f), true
	case c.client.lost || c.server.lost:
		return undecided(summaryLost), true
	}
	return finding{}, false
}

// clientRefused reads a client whose only encrypted record is as long as an alert. A Finished would have come first if the
// client had accepted, so it did not.
func clientRefused(c *connection) finding {
	f := finding{
		outcome: event.Failed, gaveUp: event.Client, lookAt: event.Server,
		alert: &event.Alert{Sender: event.Client, Encrypted: true},
	}
	switch {
	case c.resumed():
		f.reason, f.phase, f.confidence = event.NegotiationFailed, event.PhaseFinished, event.Inferred
		f.summary = "The client refused the server's resumed handshake with an encrypted alert."
	case len(c.server.sealed) == 0:
		f.reason, f.phase, f.confidence = event.NegotiationFailed, event.PhaseServerHello, event.Inferred
		f.summary = "The client answered the ServerHello with an encrypted alert."
	default:
		f.reason, f.phase, f.confidence = event.ServerCertificateRejected, event.PhaseServerCertificate, event.Derived
		f.summary = "The client refused the server's certificate with an encrypted alert instead of its Finished."
	}
	return f
}

// afterFinished reads what came after the client's flight. In TLS 1.3 the server judges the client's certificate only then.
func afterFinished(c *connection, f flight) finding {
	s, answer := c.serverSizes(f), c.server.after(f.end)
	switch {
	case c.server.cut || (len(answer) > 0 && !s.onlyAlerts(answer)):
		return succeeded()
	case c.server.lost:
		return undecided(summaryLost)
	case f.auth == "":
		return withoutCertificate(c, f, len(answer) > 0)
	case len(answer) > 0:
		return alertedCertificate(c, f, answer)
	default:
		return silentCertificate(c)
	}
}

// withoutCertificate reads a handshake in which the client proved nothing but its keys. Nothing is left to be judged once
// its Finished is out: an alert is a close_notify, and a close is the end of a connection that stood.
func withoutCertificate(c *connection, f flight, answered bool) finding {
	switch {
	case answered, !f.unclear && c.ended():
		return succeeded()
	case c.TCP.ClosedBy == event.Client && c.TCP.How != event.CloseTimeout:
		return succeeded()
	}
	return undecided("The client sent its Finished and no end of the handshake was seen.")
}

// alertedCertificate reads a server whose only records after the client's certificate are as long as an alert. A server that had
// accepted would close so too, but hardly before it said anything else, nor before its client did, nor with two alerts (GnuTLS
// sends the reason and bad_certificate after it).
func alertedCertificate(c *connection, f flight, answer []sealed) finding {
	alert := answer[0]
	late := float64(alert.at-f.at)/1e6 > weighing
	afterClose := len(answer) == 1 && c.TCP.ClosedBy == event.Client && c.TCP.Idle <= 0
	switch {
	case c.clientClosedBefore(alert, f):
		return succeeded()
	case late, afterClose:
		return undecided("The server's one record after the client's flight is a refusal or a normal close; its time does not tell.")
	}
	v := certificateRefused(c)
	v.confidence = event.Derived
	v.summary += " with an encrypted alert after the client's Finished."
	v.alert = &event.Alert{Sender: event.Server, Encrypted: true}
	return v
}

// clientClosedBefore looks for a close_notify of the client's between its Finished and the server's alert.
func (c *connection) clientClosedBefore(alert sealed, f flight) bool {
	s := c.clientSizes()
	for _, r := range c.client.after(f.end) {
		if r.index < alert.index && s.isAlert(r.length) {
			return true
		}
	}
	return false
}

// silentCertificate reads a handshake in which the server said nothing at all after the client's certificate.
func silentCertificate(c *connection) finding {
	switch {
	case c.TCP.ClosedBy == event.Client && c.TCP.How != event.CloseTimeout:
		return succeeded()
	case c.serverLeft() && c.TCP.Idle < promptly:
		return droppedCertificate(c)
	}
	return undecided("The client sent its Finished and the server's judgement of its certificate was not seen.")
}

// droppedCertificate reads a server that closed without a word once it had the client's certificate, or its absence.
func droppedCertificate(c *connection) finding {
	v := certificateRefused(c)
	v.confidence = event.Inferred
	v.summary += " by closing the connection without an alert."
	return v
}

// certificateRefused is what all refusals of a client certificate share; the summary lacks its end.
func certificateRefused(c *connection) finding {
	v := finding{
		outcome: event.Failed, reason: event.ClientCertificateRejected, phase: event.PhaseClientCertificate,
		gaveUp: event.Server, lookAt: event.Client, summary: "The server refused the client's certificate",
	}
	if c.auth == event.ClientAuthEmpty {
		v.reason = event.ClientCertificateRequired
		v.summary = "The server asked for a client certificate, got none, and refused"
	}
	return v
}

// ended says that one of the two sides closed or reset the connection.
func (c *connection) ended() bool {
	side, ok := c.closer()
	return ok && side != event.Network && c.TCP.How != event.CloseTimeout
}

// serverLeft says that the server ended it of its own accord. SO_LINGER of zero is a program that means to reset, not one
// that refuses a certificate.
func (c *connection) serverLeft() bool {
	side, ok := c.closer()
	return ok && side == event.Server && !c.lingered()
}
