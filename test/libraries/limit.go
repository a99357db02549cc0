package libraries

import (
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// limit is what is reported instead where a library or its program keeps the exact reason to itself.
type limit struct {
	reasons    []event.Reason
	confidence event.Confidence
	heard      bool // the library that is quoted may be the other end's, which only saw the connection end
	silent     bool // there may be no event: on the wire the handshake succeeded
	why        string
}

// limit returns the limit of a row, if its judge has one.
func (r row) limit() (limit, bool) {
	if r.side != r.failure.judge || r.program.limits == nil {
		return limit{}, false
	}
	return r.program.limits(r)
}

// gnutlsLimits: GnuTLS names its faults by return values that its programs print, and tells the peer less.
func gnutlsLimits(r row) (limit, bool) {
	missing := r.failure.reason == event.ClientCertificateRequired
	switch {
	case r.failure.certificate && r.side == event.Client:
		return limit{
			reasons: []event.Reason{event.BadCertificate}, confidence: event.Exact,
			why: "GnuTLS sends bad_certificate whatever is wrong; the fault stays in the session that the program asks.",
		}, true
	case r.failure.certificate:
		return limit{
			reasons: []event.Reason{event.ClientCertificateRejected}, confidence: event.Exact,
			why: "gnutls-serv sends access_denied whatever is wrong with the client's certificate.",
		}, true
	case missing && r.version == "1.2":
		return limit{
			reasons: []event.Reason{event.ClientCertificateRequired}, confidence: event.Derived,
			why: "GnuTLS calls the empty certificate message decode_error; that it was empty follows from the wire.",
		}, true
	case r.failure.reason == event.NoSharedCipher, r.failure.reason == event.ProtocolVersion:
		return limit{
			reasons: []event.Reason{event.NegotiationFailed}, confidence: event.Exact,
			why: "GnuTLS sends handshake_failure for whatever the two ends have not in common.",
		}, true
	}
	return limit{}, false
}

// goLimits: crypto/tls has one alert for whatever its client does not like about a certificate; what it was is in the type of the
// error that the handshake returns, which is not read.
func goLimits(r row) (limit, bool) {
	if r.failure.certificate && r.side == event.Client {
		return limit{
			reasons: []event.Reason{event.BadCertificate}, confidence: event.Exact,
			why: "crypto/tls sends bad_certificate whatever is wrong; the fault stays in the error that the program gets.",
		}, true
	}
	switch r.failure.reason {
	case event.CertificateNotYetValid:
		return limit{
			reasons: []event.Reason{event.CertificateExpired}, confidence: event.Exact,
			why: "crypto/x509 has one error, x509.Expired, for certificates that have expired and that are not valid yet.",
		}, true
	case event.SelfSigned:
		return limit{
			reasons: []event.Reason{event.UnknownCA}, confidence: event.Exact,
			why: "crypto/x509 says of a self-signed certificate that its authority is unknown.",
		}, true
	case event.NoSharedCipher:
		return limit{
			reasons: []event.Reason{event.NegotiationFailed}, confidence: event.Exact,
			why: "crypto/tls sends handshake_failure; the words of its error are not read.",
		}, true
	case event.ClientCertificateRequired:
		return limit{
			reasons: []event.Reason{event.ClientCertificateRequired}, confidence: event.Derived,
			why: "crypto/tls sends handshake_failure in TLS 1.2; that the client sent no certificate follows from the wire.",
		}, r.version == "1.2"
	}
	return limit{}, false
}

// nodeLimits: Node judges certificates itself, after OpenSSL's handshake, and closes without an alert.
func nodeLimits(r row) (limit, bool) {
	switch {
	case r.side == event.Server || !r.failure.certificate:
		return limit{}, false
	case r.version == "1.2":
		return limit{
			reasons: []event.Reason{r.failure.reason, event.ServerCertificateRejected, event.ClosedByClient}, confidence: event.Inferred,
			heard: true, silent: true,
			why: "Node judges the certificate once the handshake is over: on the wire it succeeded, and then Node closed.",
		}, true
	case r.failure.reason == event.NameMismatch:
		return limit{
			reasons: []event.Reason{event.ServerCertificateRejected}, confidence: event.Inferred, heard: true,
			why: "Node compares the name in JavaScript: no library knows of it.",
		}, true
	}
	return limit{}, false
}

// bunLimits: as Node, and there are no symbols by which the verify result could be found.
func bunLimits(r row) (limit, bool) {
	if !r.failure.certificate {
		return limit{}, false
	}
	reason := event.ServerCertificateRejected
	if r.side == event.Server {
		reason = event.ClientCertificateRejected
	}
	return limit{
		reasons: []event.Reason{reason}, confidence: event.Inferred, heard: true,
		why: "Bun judges certificates itself and closes without an alert; the verify result cannot be found in a stripped program.",
	}, true
}

// admits says that what was reported is what the limit says.
func (l limit) admits(v event.Verdict) bool {
	return slices.Contains(l.reasons, v.Reason) && v.Confidence == l.confidence
}
