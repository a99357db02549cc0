package verdict

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// JudgeLog returns e with its verdict and outcome, for an event of which a proxy's log is the only witness (observed from [event.FromLog]).
// There is no record trail then: what the proxy wrote is all there is. Library holds its words and says on whose side they were
// spoken, [event.Unknown] where the log does not tell; TCP.Error holds an error of the operating system.
//
// A received alert becomes the event's Alert. What the words leave open stays open: a phase, a side to look at, and whether a
// connection that was reset had been in its handshake. Nothing that e points to is changed. Judging an event again gives the same event.
func JudgeLog(e event.Event) event.Event {
	if e.Outcome == event.Succeeded {
		return Judge(e)
	}
	c := read(e)
	c.Library = inFamiliarWords(e.Library)
	c.answered = c.certificateWasSeen()
	f := c.told()
	out := f.apply(&c)
	out.Library, out.Verdict.Phase = e.Library, f.phase
	out.Verdict.Summary = inOwnWords(out.Verdict.Summary, c.Library, e.Library)
	return out
}

// inOwnWords puts what was said back where a summary quotes the familiar word for it.
func inOwnWords(summary string, familiar, said *event.Library) string {
	if said == nil {
		return summary
	}
	own := said.VerifyText
	if own == "" {
		own = said.ErrorText
	}
	for _, quoted := range []string{familiar.VerifyText, familiar.ErrorText} {
		if quoted != said.VerifyText && quoted != said.ErrorText {
			summary = strings.Replace(summary, "("+quoted+")", "("+word(own)+")", 1)
		}
	}
	return summary
}

// told reads what the log says: the words of the proxy itself, of its TLS library, or of its operating system.
func (c *connection) told() finding {
	l := c.Library
	switch {
	case l == nil:
		return c.toldErrno()
	case l.ErrorText == wordNoFilterChain:
		return c.toldNoFilterChain()
	}
	if says, known := proxyWords[l.ErrorText]; known {
		return c.toldByProxy(says)
	}
	if l.Side != event.Client && l.Side != event.Server {
		return c.toldBySomeone()
	}
	t, spoke := c.testimony()
	if !spoke || t.mute {
		return c.toldVaguely()
	}
	return c.toldByLibrary(t)
}

// certificateWasSeen: an error about a certificate is about one that was sent, so that there was a ServerHello before it.
func (c *connection) certificateWasSeen() bool {
	l := c.Library
	if l == nil {
		return false
	}
	if code, ok := alertReceived(l); ok {
		return isCertificateAlert(code)
	}
	return judged(l) || errorTable[l.ErrorText].reason.Layer() == event.LayerCertificate || l.ErrorText == wordVerifyFailed
}

// toldByLibrary is the library's own finding, without what only a trail could have shown.
func (c *connection) toldByLibrary(t testimony) finding {
	f := t.finding
	code, received := alertReceived(c.Library)
	if received {
		f.alert = &event.Alert{Sender: t.gaveUp, Code: &code, Name: alertName(code)}
	}
	if t.code != nil && !isCertificateAlert(*t.code) && !(judgesHello(*t.code) && *t.code != alertHandshakeFailure) &&
		!c.answersHello() {
		f.phase = ""
	}
	if c.TLS == nil || c.TLS.SNI == "" {
		f.hint = strings.TrimPrefix(f.hint, c.askedName()) // a log that names none does not say that none was sent
	}
	if t.symptom {
		f.confidence, f.lookAt, f.phase = event.Inferred, event.Unknown, ""
		f.hint = joinHint(f.hint, "A proxy also says so when the other side has refused its certificate with an alert in clear: that side's log tells.")
	}
	return f
}

// answersHello says that the library itself took the alert for an answer to its ClientHello.
func (c *connection) answersHello() bool {
	return strings.TrimPrefix(c.Library.ErrorText, "SSL_R_") == "HANDSHAKE_FAILURE_ON_CLIENT_HELLO"
}

// toldVaguely: there was an error, and what it means is not known.
func (c *connection) toldVaguely() finding {
	l := c.Library
	said := word(l.ErrorText)
	if l.ErrorText == "" {
		said = "an error without a name"
	}
	f := finding{
		outcome: event.Failed, reason: event.NegotiationFailed, gaveUp: l.Side, lookAt: event.Unknown, confidence: event.Inferred,
		summary: "The proxy's log says that the handshake failed: " + said + ".",
	}
	if l.Side == event.Client || l.Side == event.Server {
		f.summary = "The " + string(l.Side) + "'s library ended the handshake: " + said + "."
	}
	return f
}

// toldBySomeone reads words of which the log does not say whose they are: the reason may be told, the sides are not. What a word
// means is asked of both sides; what they do not agree upon stays open.
func (c *connection) toldBySomeone() finding {
	l := *c.Library
	asked := func(side event.Side) (testimony, bool) {
		l := l
		l.Side = side
		as := *c
		as.Library = &l
		t, spoke := as.testimony()
		return t, spoke && !t.mute
	}
	server, ok := asked(event.Server)
	client, also := asked(event.Client)
	if !ok || !also {
		return c.toldVaguely()
	}
	f := finding{
		outcome: event.Failed, reason: server.reason, gaveUp: event.Unknown, lookAt: event.Unknown, confidence: server.confidence,
		summary: "A library ended the handshake: " + word(l.ErrorText) + ".",
	}
	if server.reason != client.reason {
		f.reason, f.confidence = eitherSide(server.reason, client.reason), event.Derived
	}
	if v, told := verifyResult(&l); told {
		f.summary = "A certificate was refused: " + v.subject(l.VerifyDepth) + v.says + "."
	}
	if code, received := alertReceived(&l); received {
		f.alert = &event.Alert{Sender: event.Unknown, Code: &code, Name: alertName(code)}
		f.summary = "An alert ended the handshake (" + alertText(code) + ")."
	}
	f.hint = "The log does not say on which side of the connection the proxy was."
	return f
}

// eitherSide is the reason that leaves open which side it was. A library that misses the certificate of a client is a server's; one
// that misses a server's is so rare that it is no reading.
func eitherSide(asServer, asClient event.Reason) event.Reason {
	switch {
	case asServer == event.ClientCertificateRequired:
		return asServer
	case asServer.Layer() == event.LayerCertificate && asClient.Layer() == event.LayerCertificate:
		return event.BadCertificate
	case asServer.Layer() == event.LayerProtocol && asClient.Layer() == event.LayerProtocol:
		return event.Malformed
	}
	return event.NegotiationFailed
}

// toldErrno reads an error of the operating system under the handshake. Without How the log does not say whether the connection was
// in its handshake at all.
func (c *connection) toldErrno() finding {
	peer := c.TCP.ResetBy
	if peer == "" {
		peer = c.TCP.ClosedBy
	}
	switch {
	case c.TCP.Error == "":
		return undecided("The log tells no reason.")
	case c.TCP.How == event.CloseTimeout:
		f := finding{outcome: event.Failed, reason: event.HandshakeTimeout, gaveUp: event.Unknown, lookAt: event.Unknown, confidence: event.Exact}
		if side, known := c.closer(); known && side != event.Network {
			f.gaveUp, f.lookAt = side, side.Peer()
		}
		f.summary = "The handshake was not over in time (" + word(c.TCP.Error) + ")."
		return f
	case c.TCP.How == "" || peer != event.Client && peer != event.Server:
		return undecided("The connection ended with " + word(c.TCP.Error) + "; whether in the handshake, and by whom, the log does not say.")
	}
	f := finding{outcome: event.Failed, gaveUp: peer, lookAt: peer, confidence: event.Derived}
	if c.TCP.How == event.CloseRST {
		f.reason = event.ResetByServer
		if peer == event.Client {
			f.reason = event.ResetByClient
		}
		f.summary = "The " + string(peer) + " reset the connection in the handshake (" + word(c.TCP.Error) + ")."
		return f
	}
	f.reason = closedBy(peer)
	f.summary = "The " + string(peer) + " closed the connection in the handshake (" + word(c.TCP.Error) + ")."
	return f
}

// Complete returns e, judged anew with what a proxy's log says of the same connection (proxylog.Matches tells that it is the same). What
// was seen on the wire keeps its say on what happened and who ended it; where it leaves the reason open, the proxy's library knows it. An
// event of which the library itself was heard, or that tells its reason, is returned as it is.
func Complete(e, log event.Event) event.Event {
	if e.Library != nil || e.Outcome != event.Failed && e.Outcome != event.Undecided || log.Outcome != event.Failed {
		return e
	}
	if e.Outcome == event.Failed && !bare(e.Verdict.Reason) && !vague(e.Verdict.Reason) {
		return e
	}
	with := e
	with.Library = inFamiliarWords(log.Library)
	out := Judge(with)
	out.Library = log.Library
	if e.Outcome == event.Undecided && out.Outcome == event.Undecided {
		out.Outcome, out.Verdict = log.Outcome, log.Verdict
	}
	return out
}
