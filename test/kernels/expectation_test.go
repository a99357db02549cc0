package kernels

import (
	"fmt"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// expectation is what has to be said of the connections of a scenario.
type expectation struct {
	outcome event.Outcome // "" need not be told; if it is, then as noise
	// reasons are those that the wire allows; a Go client says bad_certificate, whatever it minded.
	reasons []event.Reason
	gaveUp  event.Side
	vantage event.Vantage
	// mild says that neither end need complain, although the handshake failed.
	mild bool
}

func expectations() map[string]expectation {
	succeeded := expectation{outcome: event.Succeeded, vantage: event.FromBoth}
	return map[string]expectation{
		"healthy": succeeded, "healthy-mtls": succeeded, "healthy-resumed": succeeded, "healthy-reset": succeeded,
		"introduction": succeeded, "openssl-healthy": succeeded,
		"healthy-plain": {},
		"probe":         {outcome: event.Noise, reasons: []event.Reason{event.Probe}, vantage: event.FromBoth, mild: true},
		// Nobody can know that the port speaks TLS.
		"plaintext-to-unknown": {outcome: event.Noise, reasons: []event.Reason{event.Scan}, vantage: event.FromBoth, mild: true},

		"expired":       refusedByGo(event.CertificateExpired),
		"not-yet-valid": refusedByGo(event.CertificateNotYetValid),
		"self-signed":   refusedByGo(event.SelfSigned, event.UnknownCA),
		"unknown-ca":    refusedByGo(event.UnknownCA),
		"wrong-name":    refusedByGo(event.NameMismatch),

		"openssl-expired":    failed(event.Client, event.CertificateExpired),
		"openssl-unknown-ca": failed(event.Client, event.UnknownCA),
		// OpenSSL tells a wrong name as bad_certificate.
		"openssl-wrong-name": failed(event.Client, event.NameMismatch, event.BadCertificate, event.ServerCertificateRejected),

		"client-cert-missing":         failed(event.Server, event.ClientCertificateRequired),
		"openssl-client-cert-missing": failed(event.Server, event.ClientCertificateRequired),
		"client-cert-unknown-ca":      failed(event.Server, event.ClientCertificateRejected, event.UnknownCA),

		"no-common-version": failed(event.Server, event.ProtocolVersion),
		"no-common-cipher":  failed(event.Server, event.NoSharedCipher, event.NegotiationFailed),
		"no-common-alpn":    failed(event.Server, event.NoSharedALPN),
		"unknown-sni":       failed(event.Server, event.UnrecognizedName),

		"reset-by-client":        failed(event.Client, event.ResetByClient),
		"reset-by-server":        failed(event.Server, event.ResetByServer),
		"reset-by-server-linger": failed(event.Server, event.ResetByServer),
		// Some clients refuse a certificate with no more than a FIN.
		"fin-by-client": failed(event.Client, event.ClosedByClient, event.ServerCertificateRejected),
		"fin-by-server": failed(event.Server, event.ClosedByServer),
		"stall":         mildly(failed(event.Client, event.HandshakeTimeout, event.ClosedByClient)),
		"refused": {
			outcome: event.Failed, reasons: []event.Reason{event.ConnectionRefused},
			gaveUp: event.Server, vantage: event.FromClient,
		},

		"plaintext-to-tls": failed(event.Server, event.PlaintextToTLS),
		"tls-to-plaintext": failed("", event.TLSToPlaintext), // both ends close at once
		"garbage":          failed(event.Server, event.Malformed),
		// A Go server takes the length for an error of its own and says so.
		"garbage-handshake": failed(event.Server, event.Malformed, event.InternalError),
	}
}

// failed is a handshake that one side gave up; "" is either.
func failed(gaveUp event.Side, reasons ...event.Reason) expectation {
	return expectation{outcome: event.Failed, reasons: reasons, gaveUp: gaveUp, vantage: event.FromBoth}
}

// refusedByGo is a server certificate that crypto/tls refused.
func refusedByGo(reasons ...event.Reason) expectation {
	return failed(event.Client, append(reasons, event.BadCertificate, event.ServerCertificateRejected)...)
}

func mildly(e expectation) expectation {
	e.mild = true
	return e
}

// happened checks that the scenario did what its name says: if not, the traffic is at fault, not the tracer.
func (want expectation) happened(c connection) error {
	complained := c.ClientError != "" || c.ServerError != ""
	if complained != (want.outcome == event.Failed) && !want.mild {
		return fmt.Errorf("%s did not go as it should: client %q, server %q", c, c.ClientError, c.ServerError)
	}
	return nil
}

// meets says how an event differs from the expectation.
func (want expectation) meets(e event.Event) error {
	got := e.Verdict
	switch {
	case want.outcome == "" && e.Outcome == event.Noise:
		return nil
	case e.Outcome != want.outcome:
		return fmt.Errorf("outcome %q, want %q", e.Outcome, want.outcome)
	case e.ObservedFrom != want.vantage:
		return fmt.Errorf("observed from %q, want %q", e.ObservedFrom, want.vantage)
	case want.outcome == event.Succeeded:
		return nil
	case !slices.Contains(want.reasons, got.Reason):
		return fmt.Errorf("reason %q, want one of %q", got.Reason, want.reasons)
	case want.gaveUp != "" && got.GaveUp != want.gaveUp:
		return fmt.Errorf("%q gave up, want %q", got.GaveUp, want.gaveUp)
	}
	return nil
}
