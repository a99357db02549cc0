package verdict

import (
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// clearAlert reads an alert that was sent in clear. It has the last word unless it was a warning and its sender went on: the
// first alert counts, since the other side's is often but an echo of it.
func clearAlert(c *connection) (finding, bool) {
	a := c.Alert
	if a == nil || a.Code == nil || a.Encrypted || (a.Sender != event.Client && a.Sender != event.Server) {
		return finding{}, false
	}
	if c.wentOn() || c.established12() || c.answersClose() || (a.Sender == event.Server && c.refused13()) {
		return finding{}, false
	}
	return readAlert(c, a.Sender, *a.Code), true
}

// answersClose says that the other side had ended the connection before the alert: it is what the sender made of that.
func (c *connection) answersClose() bool {
	if c.TCP.ClosedBy != c.Alert.Sender.Peer() || c.TCP.ClosedAt == 0 {
		return false
	}
	first := slices.IndexFunc(c.Records, func(r event.Record) bool { return r.From == c.Alert.Sender && r.Type == typeAlert })
	return first >= 0 && c.Records[first].At > c.TCP.ClosedAt
}

// wentOn says that the sender of a warning sent more than alerts after it: servers warn about an unknown name and continue.
func (c *connection) wentOn() bool {
	warned := false
	for _, r := range c.Records {
		if r.From != c.Alert.Sender {
			continue
		}
		if warned && r.Type != typeAlert {
			return c.Alert.Level != "fatal"
		}
		warned = warned || (r.Type == typeAlert && r.Length == clearAlertLength)
	}
	return c.Alert.Level == "warning" && c.lost(c.Alert.Sender)
}

// refused13 says that the client has refused with an encrypted alert: what a server says in clear then is an echo.
func (c *connection) refused13() bool { return c.tls13 && c.answered && c.flight.refused }

func (c *connection) established12() bool {
	return !c.tls13 && c.client.finished12() && c.server.finished12()
}

func readAlert(c *connection, sender event.Side, code uint8) finding {
	f := finding{
		outcome: event.Failed, reason: event.NegotiationFailed, confidence: event.Exact,
		gaveUp: sender, lookAt: sender.Peer(), phase: c.alertPhase(sender, code),
		summary: "The " + string(sender) + " ended the handshake: " + alertText(code) + ".",
	}
	known, ok := registered(code)
	if !ok {
		f.confidence, f.lookAt = event.Inferred, event.Unknown
		return f
	}
	if known.reason != "" {
		f.reason = known.reason
	}
	f.summary = "The " + string(sender) + " said that " + known.says + " (" + alertText(code) + ")."
	f.refine(c, sender, code)
	return f
}

// refine reads the codes whose meaning or remedy depends on the sender and the moment.
func (f *finding) refine(c *connection, sender event.Side, code uint8) {
	if sender == event.Server && c.auth == event.ClientAuthEmpty && refusesAbsence(code) {
		f.missingCertificate(code)
		return
	}
	if isCertificateAlert(code) {
		f.aboutCertificate(c, sender, code)
		return
	}
	switch code {
	case alertCloseNotify, alertUserCanceled:
		f.reason, f.lookAt = closedBy(sender), sender
	case alertNoCertificate:
		f.lookAt = sender
	case alertInternalError, alertGeneralError:
		f.lookAt = sender
		f.perhapsRefused(c, sender)
	case alertProtocolVersion, alertInappropriateFallback:
		f.lookAt = c.olderSide(sender)
		f.hint = c.offered("versions", c.versions())
	case alertHandshakeFailure:
		f.refusedParameters(c, sender)
	case alertIllegalParameter:
		f.refusedRetry(c, sender)
	case alertInsufficientSecurity:
		f.lookAt = c.weakerSide(sender)
		f.hint = c.offered("ciphers", c.ciphers())
	case alertUnrecognizedName:
		f.hint = c.askedName()
	case alertNoApplicationProtocol:
		f.hint = c.offered("ALPN", c.alpn())
	}
}

// refusesAbsence lists the codes by which servers answer a missing client certificate in TLS 1.2: handshake_failure as RFC 5246
// section 7.4.6 says, bad_certificate by older Go, decode_error by GnuTLS, and what others use for any certificate.
func refusesAbsence(code uint8) bool {
	switch code {
	case alertHandshakeFailure, alertNoCertificate, alertBadCertificate, alertCertificateUnknown, alertAccessDenied,
		alertDecodeError, alertRequired:
		return true
	}
	return false
}

func (f *finding) missingCertificate(code uint8) {
	f.reason, f.phase, f.lookAt = event.ClientCertificateRequired, event.PhaseClientCertificate, event.Client
	if code != alertRequired {
		f.confidence = event.Derived
	}
	f.summary = "The server asked for a client certificate, got none, and refused (" + alertText(code) + ")."
}

func isCertificateAlert(code uint8) bool { return slices.Contains(certificateAlerts[:], code) }

// aboutCertificate: the certificate that is judged is the other side's. The codes say what is wrong with it, and no more:
// OpenSSL sends bad_certificate for a wrong name too, Go for anything, so that no narrower reason follows from it.
func (f *finding) aboutCertificate(c *connection, sender event.Side, code uint8) {
	if !c.answered { // no certificate was sent yet: whatever is meant, it is not that
		f.lookAt = event.Unknown
		return
	}
	whose := sender.Peer()
	f.summary = "The " + string(sender) + " refused the " + string(whose) + "'s certificate: it said that " +
		alertTable[code].says + " (" + alertText(code) + ")."
	if code == alertRequired {
		f.summary = "The " + string(sender) + " requires a certificate and the " + string(whose) + " sent none (" + alertText(code) + ")."
	}
	if f.reason == event.NegotiationFailed && alertTable[code].reason == "" {
		f.reason = event.ServerCertificateRejected
		if sender == event.Server {
			f.reason = event.ClientCertificateRejected
		}
	}
	if sender == event.Server {
		f.hint = "It is the client's certificate, judged by the server against the certificate authorities that the server trusts."
	}
}

// refusedParameters: a server with a client certificate before it refused that; any other refused what was offered.
func (f *finding) refusedParameters(c *connection, sender event.Side) {
	switch {
	case sender == event.Server && c.auth == event.ClientAuthSent && c.clientFlightBegun():
		f.reason, f.confidence, f.lookAt = event.ClientCertificateRejected, event.Derived, event.Client
		f.phase = event.PhaseClientCertificate
		f.summary = "The server refused the handshake once it had the client's certificate (" + alertText(alertHandshakeFailure) + ")."
	case sender == event.Server && !c.answered:
		f.lookAt = c.weakerSide(sender)
		f.summary = "The server found nothing acceptable in the ClientHello: no common cipher, group or signature algorithm (" +
			alertText(alertHandshakeFailure) + ")."
		f.hint = joinHint(c.offered("ciphers", c.ciphers()), c.offered("groups", c.groups()))
	default:
		f.refusedRetry(c, sender)
	}
}

// refusedRetry: a client that refuses a HelloRetryRequest was asked for a group that it cannot use (RFC 8446 section 4.1.4).
func (f *finding) refusedRetry(c *connection, sender event.Side) {
	if sender == event.Client && c.retry && !c.secondHello && !c.answered {
		f.reason, f.confidence, f.lookAt = event.NoSharedGroup, event.Derived, event.Unknown
		f.hint = c.offered("groups", c.groups())
	}
}

// perhapsRefused: OpenSSL sends internal_error also when a program refuses a certificate in a callback and leaves no reason
// (ssl_x509err2alert has X509_V_ERR_UNSPECIFIED as that), as stunnel does for a wrong name. Only the sender's own library can tell.
func (f *finding) perhapsRefused(c *connection, sender event.Side) {
	if f.phase != certificatePhase(sender) || sender == event.Server && c.auth != event.ClientAuthSent {
		return
	}
	f.confidence = event.Inferred
	f.hint = "It had just been given the " + string(sender.Peer()) + "'s certificate: a program that refuses one in a callback of its own " +
		"sends this alert too."
}

// olderSide says who lacks the newer protocol version. A client that offers TLS 1.3 and is refused met an older server; one
// that does not is the older one, unless it refused what the server chose.
func (c *connection) olderSide(sender event.Side) event.Side {
	switch {
	case sender == event.Client:
		return event.Server
	case len(c.versions()) == 0:
		return event.Unknown
	case slices.ContainsFunc(c.versions(), func(v string) bool { return strings.HasSuffix(v, "1.3") }):
		return event.Server
	}
	return event.Client
}

// weakerSide says whose ciphers are out of date when a server found none in common. A client that offers a broad modern set
// met an odd server; one that offers none of them is the odd one; one that offers just a few may be either.
func (c *connection) weakerSide(sender event.Side) event.Side {
	if sender == event.Client {
		return event.Server
	}
	const broad = 4
	modern := 0
	for _, s := range c.ciphers() {
		if isModern(s) {
			modern++
		}
	}
	switch {
	case len(c.ciphers()) == 0 || (modern > 0 && modern < broad):
		return event.Unknown
	case modern == 0:
		return event.Client
	}
	return event.Server
}

// isModern: forward secret, with authenticated encryption (RFC 9325 section 4.2).
func isModern(suite string) bool {
	if strings.HasPrefix(suite, "TLS_AES_") || strings.HasPrefix(suite, "TLS_CHACHA20_") {
		return true
	}
	return strings.Contains(suite, "ECDHE") && (strings.Contains(suite, "GCM") || strings.Contains(suite, "POLY1305"))
}
