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

// gnutlsLimits: what GnuTLS cannot tell apart.
func gnutlsLimits(r row) (limit, bool) {
	if r.failure.reason == event.SelfSigned {
		return limit{
			reasons: []event.Reason{event.UnknownCA}, confidence: event.Exact,
			why: "GnuTLS says of a self-signed certificate that its signer was not found.",
		}, true
	}
	if r.failure.reason == event.NoSharedCipher || r.failure.reason == event.ProtocolVersion {
		return limit{
			reasons: []event.Reason{event.NegotiationFailed}, confidence: event.Exact,
			why: "GnuTLS has one error, NO_CIPHER_SUITES, where no version is common to both sides and where no cipher is.",
		}, true
	}
	return limit{}, false
}

// goLimits: what crypto/tls cannot tell apart.
func goLimits(r row) (limit, bool) {
	switch r.failure.reason {
	case event.SelfSigned:
		return limit{
			reasons: []event.Reason{event.UnknownCA}, confidence: event.Exact,
			why: "crypto/x509 says of a self-signed certificate that its authority is unknown.",
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

// admits says that what was reported is what the limit says.
func (l limit) admits(v event.Verdict) bool {
	return slices.Contains(l.reasons, v.Reason) && v.Confidence == l.confidence
}
