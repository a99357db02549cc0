// Package verdict reads the facts of one connection and says what they mean: did the handshake succeed, and if not,
// which side gave up, at which step, why, and whose configuration has to change.
//
// [Judge] is pure. It is a list of rules in order of authority: what the kernel is certain of, what the connect said,
// what shows that one side spoke no TLS, what an alert says, what the record trail shows, and last who ended it. What a TLS library
// said is put next to that: it may sharpen the reason, but the wire decides what happened and who ended it.
// Where the facts fit a handshake that succeeded it is never called failed; where too much is missing it is undecided.
package verdict

import "github.com/tlstrace/tlstrace/event"

// Times, in seconds, that tell a decision from waiting.
const (
	// promptly bounds the pause before a side that was asked for something and said no ends the connection. A pause
	// that is longer was waiting.
	promptly = 1.0
	// weighing bounds the time a server takes over a client certificate, revocation checks included. An alert-sized record
	// that comes later is as likely a close_notify of an idle connection.
	weighing = 3.0
)

// Judge returns e with its verdict, its outcome and what follows from the trail: TLS.ClientAuth, and an Alert for an
// encrypted alert recognised by its place and size. An outcome of succeeded is kept: the kernel saw it happen.
// Nothing that e points to is changed. Judging an event again gives the same event.
func Judge(e event.Event) event.Event {
	c := read(e)
	return c.heed(c.decide()).modestly(&c).apply(&c)
}

// rule is one step of the order of authority; false passes the connection on to the next.
type rule func(*connection) (finding, bool)

func (c *connection) decide() finding {
	if c.Outcome == event.Succeeded {
		return succeeded()
	}
	for _, r := range []rule{
		connect,    // TCP was never established
		light,      // nobody looked at the bytes
		silence,    // established, and no byte either way
		plainPeer,  // the server answered a hello with something else
		plainOwn,   // the client never spoke TLS
		unoffered,  // the server chose what was not on offer
		clearAlert, // an alert in clear ended it
		trail13,    // TLS 1.3: sizes and places of encrypted records
		trail12,    // TLS 1.2 and older: message types and ChangeCipherSpec
	} {
		if f, ok := r(c); ok {
			return f
		}
	}
	return ending(c)
}

// finding is what a rule concludes. Layer, and the general part of the hint, follow from the reason.
type finding struct {
	outcome    event.Outcome
	reason     event.Reason
	phase      event.Phase
	gaveUp     event.Side
	lookAt     event.Side
	confidence event.Confidence
	summary    string
	hint       string       // what this connection adds to the hint of the reason
	alert      *event.Alert // an encrypted alert
}

func succeeded() finding {
	return finding{outcome: event.Succeeded, phase: event.PhaseEstablished}
}

func undecided(why string) finding {
	return finding{outcome: event.Undecided, summary: why}
}

func noise(r event.Reason, why string) finding {
	return finding{outcome: event.Noise, reason: r, summary: why}
}

// apply writes the finding into a copy of the event.
func (f finding) apply(c *connection) event.Event {
	e := c.Event
	e.Outcome = f.outcome
	if f.outcome == event.Succeeded {
		f.summary = successSummary(c)
	}
	if f.phase == "" {
		f.phase = c.phase()
	}
	e.Verdict = event.Verdict{
		Reason: f.reason, Layer: f.reason.Layer(), Phase: f.phase, GaveUp: f.gaveUp, LookAt: f.lookAt,
		Confidence: f.confidence, Summary: f.summary, Hint: joinHint(f.hint, Hint(f.reason)),
	}
	if f.alert != nil {
		e.Alert = f.alert
	}
	if e.TLS != nil && e.TLS.ClientAuth != c.auth {
		tls := *e.TLS
		tls.ClientAuth = c.auth
		e.TLS = &tls
	}
	return e
}
