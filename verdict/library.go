package verdict

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// testimony is what the library of one end said, read as if nothing else were known. Its finding says who gave up by the library's
// account: the side whose library it is, or the peer if it received an alert.
type testimony struct {
	finding
	side event.Side // whose library spoke
	word string     // its own word, safe to show
	code *uint8     // the alert that was sent or received
	// symptom marks what a library also says when the other side has left or has sent it what it cannot decrypt.
	symptom bool
	// quiet marks the result of a verification without an error: many a program goes on in spite of it.
	quiet bool
	// plain marks a complaint about bytes that are no TLS.
	plain bool
	// mute marks an error from which nothing follows.
	mute bool
}

// heed puts what a library said next to what the wire shows. The wire decides what became of the handshake and who ended it; where
// it leaves the reason open, the library knows it.
func (c *connection) heed(wire finding) finding {
	t, spoke := c.testimony()
	if !spoke {
		return wire
	}
	switch wire.outcome {
	case event.Noise:
		if c.unmasks(wire, t) {
			return t.conclude(c, wire)
		}
	case event.Undecided:
		if !t.symptom && !t.quiet && !t.mute && c.possible(t) {
			return t.conclude(c, wire)
		}
	case event.Failed:
		return c.reconcile(wire, t)
	}
	return wire
}

// unmasks tells what looked like noise and was a handshake: bytes of no TLS to a library that expected it, and a client whose
// library has nothing to offer and so said nothing.
func (c *connection) unmasks(wire finding, t testimony) bool {
	if t.plain {
		return t.side == event.Server && c.TCP.ClientBytes > 0 && c.client.records == 0 && c.TCP.ServerBytes <= shortAnswer
	}
	leaver := c.gaveUp()
	return errorTable[t.word].own && t.side == event.Client && c.silent() && wire.phase != event.PhaseConnect &&
		(leaver == event.Client || leaver == event.Unknown)
}

// reconcile judges a failure that both the wire and a library tell of.
func (c *connection) reconcile(wire finding, t testimony) finding {
	switch {
	case wire.reason.Layer() == event.LayerConnect:
		return wire
	case t.quiet && !c.fits(wire, t):
		return wire
	case t.mute:
		return wire.quoting(c, t)
	case wire.gaveUp != t.gaveUp && wire.gaveUp != event.Unknown:
		return wire.elsewhere(c, t)
	case !c.possible(t) || !wire.admits(t):
		return wire.quoting(c, t)
	case t.plain && wire.reason.Layer() == event.LayerProtocol && errorTable[t.word].reason != event.PlaintextToTLS,
		vague(t.reason) && !vague(wire.reason) && !bare(wire.reason) && wire.reason.Layer() == t.reason.Layer(),
		surer(wire.confidence, t.confidence):
		return wire.confirmed(t)
	}
	return t.conclude(c, wire)
}

func surer(a, b event.Confidence) bool {
	return slices.Index(event.Confidences, a) < slices.Index(event.Confidences, b)
}

// conclude is the library's finding, with what the wire adds to it: the encrypted alert, now with its code, and a phase.
func (t testimony) conclude(c *connection, wire finding) finding {
	f := t.finding
	f.phase = cmp.Or(f.phase, wire.phase, c.phase())
	f.alert = wire.alert
	return f.reveal(t)
}

// confirmed keeps the wire's finding: the library says the same or less.
func (f finding) confirmed(t testimony) finding {
	if t.confidence == event.Exact {
		f.confidence = event.Exact
	}
	return f.reveal(t)
}

// reveal gives an encrypted alert the code that a library told.
func (f finding) reveal(t testimony) finding {
	if f.alert == nil || t.code == nil || f.alert.Sender != t.gaveUp {
		return f
	}
	alert := *f.alert
	alert.Code, alert.Name = t.code, alertName(*t.code)
	f.alert = &alert
	return f
}

// elsewhere reads a library by whose account the other side ended it than the wire shows. If they agree on the reason, that is what
// counts; else what the library said came of it.
func (f finding) elsewhere(c *connection, t testimony) finding {
	if f.reason == t.reason {
		return f.confirmed(t)
	}
	return f.quoting(c, t)
}

// quoting keeps the wire's finding and mentions what the library said.
func (f finding) quoting(c *connection, t testimony) finding {
	said := "The " + string(t.side) + "'s library reported " + t.word
	switch {
	case t.word == "":
		return f
	case t.mute:
		said += "."
	case f.gaveUp == t.side.Peer() && t.symptom:
		said += ": that is a consequence of how the " + string(f.gaveUp) + " ended it, not the cause."
	default:
		said += ", which does not fit what was seen on the wire: the wire is believed."
	}
	f.hint = joinHint(f.hint, said)
	return f
}

// possible says that the wire had come to where the library says it stopped.
func (c *connection) possible(t testimony) bool {
	if c.Light || t.code != nil || c.missed(event.Client) || c.missed(event.Server) {
		return true
	}
	switch t.reason {
	case event.ProtocolVersion, event.NoSharedCipher, event.NoSharedGroup, event.NoSharedALPN:
		return t.gaveUp == event.Client && (c.answered || c.retry) || t.gaveUp == event.Server && c.hello && !c.answered
	case event.ClientCertificateRequired:
		return c.answered && c.auth != event.ClientAuthSent
	case event.KeyMismatch:
		return true
	}
	if t.reason.Layer() == event.LayerCertificate {
		return c.answered && (t.gaveUp == event.Client || c.auth != event.ClientAuthEmpty)
	}
	return true
}

// missed says that a side's records may have been there and were not seen.
func (c *connection) missed(side event.Side) bool { return c.lost(side) && !c.notTLS(side) }

// admits says that the wire's reason leaves room for the library's. A reason that follows from sizes and places does, but not for a
// mere symptom; one that an alert in clear gave does if it is vague, or of the same kin.
func (f finding) admits(t testimony) bool {
	switch {
	case f.reason == t.reason, bare(f.reason):
		return true
	case t.symptom:
		return f.reason == event.NegotiationFailed
	case f.confidence != event.Exact, vague(f.reason):
		return true
	}
	return akin(f.reason, t.reason) || vague(t.reason) && f.reason.Layer() == t.reason.Layer()
}

// bare reasons say how it ended and not what was refused.
func bare(r event.Reason) bool { return r.Layer() == event.LayerPeer && r != event.InternalError }

// vague reasons say what was refused and not why.
func vague(r event.Reason) bool {
	switch r {
	case event.NegotiationFailed, event.BadCertificate, event.ServerCertificateRejected, event.ClientCertificateRejected,
		event.InternalError:
		return true
	}
	return false
}

// akin: libraries send one alert for both.
func akin(alert, library event.Reason) bool {
	return alert == event.UnknownCA && library == event.SelfSigned ||
		alert == event.CertificateExpired && library == event.CertificateNotYetValid
}

// fits says that the side whose library did not like a certificate ended the handshake right when it had it, and by nothing
// that says otherwise.
func (c *connection) fits(wire finding, t testimony) bool {
	if wire.gaveUp != t.side || cmp.Or(wire.phase, c.phase()) != certificatePhase(t.side) || c.TCP.Idle >= promptly {
		return false
	}
	switch wire.reason {
	case event.ClosedByClient, event.ClosedByServer, event.ResetByClient, event.ResetByServer:
		return true
	case event.InternalError: // what OpenSSL's alert is if a callback refused and gave no reason
		return c.Library != nil && c.Library.VerifyText == verifyPrefix+"UNSPECIFIED"
	}
	return wire.reason.Layer() == event.LayerCertificate && wire.reason != event.ClientCertificateRequired
}

// certificatePhase is when a side judges the certificate of the other.
func certificatePhase(judge event.Side) event.Phase {
	if judge == event.Client {
		return event.PhaseServerCertificate
	}
	return event.PhaseClientCertificate
}

// testimony reads the library's words: an alert first, for it says most about both sides, then its error, then what it found of a
// certificate.
func (c *connection) testimony() (testimony, bool) {
	l := c.Library
	if l == nil || l.Side != event.Client && l.Side != event.Server {
		return testimony{}, false
	}
	if code, ok := alertReceived(l); ok {
		return c.alertTestimony(l.Side.Peer(), code), true
	}
	if code, ok := alertSent(l); ok {
		return c.alertTestimony(l.Side, code), true
	}
	name := strings.TrimPrefix(l.ErrorText, "SSL_R_")
	if e, known := errorTable[name]; known {
		return c.errorTestimony(name, e), true
	}
	if judged(l) {
		t := c.refusal("")
		t.quiet = true
		return t, true
	}
	return testimony{side: l.Side, word: word(name), mute: true}, name != "" && !saysNothing(name)
}
