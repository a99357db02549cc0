package verdict

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// wordNoFilterChain is Envoy's response code detail for a connection for which its listener has no filter chain (Envoy's documentation,
// "Response Code Details"). A chain is chosen by the transport protocol, the server name and ALPN before TLS begins.
const wordNoFilterChain = "filter_chain_not_found"

// proxyWord is what a proxy says on its own behalf, where no TLS library has spoken.
type proxyWord struct {
	reason     event.Reason
	phase      event.Phase
	confidence event.Confidence
	own        bool   // it is the proxy that lacks something
	waited     bool   // the proxy waited for the peer
	peer       bool   // it was the peer that ended it
	says       string // completes "The server's proxy ..."
}

// proxyWords are the words of Envoy (source/common/tls/ssl_socket.cc) and of ztunnel (src/proxy.rs, src/tls). It is read only.
var proxyWords = map[string]proxyWord{
	"Secret is not supplied by SDS": {
		reason: event.InternalError, confidence: event.Exact, own: true,
		says: "had no certificate yet: its control plane had not sent the secret (SDS)",
	},
	"istio_converted_static_strict": {
		reason: event.PlaintextToTLS, phase: event.PhaseClientHello, confidence: event.Derived,
		says: "refused plaintext where a PeerAuthentication demands STRICT mutual TLS",
	},
	"Timeout during TLS handshake": {
		reason: event.HandshakeTimeout, confidence: event.Exact, waited: true,
		says: "waited in vain for the other side to finish the handshake",
	},
	"tls handshake eof": {
		confidence: event.Exact, peer: true,
		says: "found the connection closed in the middle of the handshake",
	},
}

// toldByProxy reads what the proxy says on its own behalf.
func (c *connection) toldByProxy(w proxyWord) finding {
	side := c.Library.Side
	f := finding{outcome: event.Failed, reason: w.reason, phase: w.phase, gaveUp: event.Unknown, lookAt: event.Unknown, confidence: w.confidence}
	if side != event.Client && side != event.Server {
		f.summary = "A proxy " + w.says + "."
		if w.peer {
			return undecided(f.summary)
		}
		return f
	}
	f.summary = "The " + string(side) + "'s proxy " + w.says + "."
	f.gaveUp, f.lookAt = side, side.Peer()
	switch {
	case w.own:
		f.lookAt = side
		f.hint = "Check that the secret exists and that the control plane may hand it to this proxy."
	case w.peer:
		f.gaveUp = side.Peer()
		f.reason = closedBy(f.gaveUp)
	}
	return f
}

// toldNoFilterChain reads a listener of which no filter chain took the connection. With a server name the name is what did not fit.
// Without one the likeliest is plaintext where all chains want TLS, which is how a STRICT sidecar refuses it; a ClientHello without
// a name on a gateway that needs one looks the same.
func (c *connection) toldNoFilterChain() finding {
	f := finding{
		outcome: event.Failed, reason: event.PlaintextToTLS, phase: event.PhaseClientHello, gaveUp: event.Server, lookAt: event.Client,
		confidence: event.Inferred,
		summary:    "The server's proxy has no filter chain for the connection: most likely the client spoke plaintext where TLS is required.",
		hint:       "On a gateway, a client that sends no server name looks the same.",
	}
	if c.TLS != nil && c.TLS.SNI != "" {
		f.reason, f.lookAt = event.UnrecognizedName, event.Unknown
		f.summary = "The server's proxy has no filter chain for the name " + quote(c.TLS.SNI) + "."
		f.hint = ""
	}
	return f
}

// envoyVerify are Envoy's own checks of a certificate, which come after those of its library
// (source/common/tls/cert_validator/default_validator.cc), by the name of the verify result that means the same. It is read only.
var envoyVerify = map[string]string{
	"SAN matcher":        "x509.HostnameError",
	"verify SAN list":    "x509.HostnameError",
	"cert hash and spki": "CERT_REJECTED",
	"empty cert chain":   "UNABLE_TO_GET_ISSUER_CERT",
}

// rustlsErrors are errors of rustls (rustls::Error and rustls::CertificateError, as Debug spells them) by the error of OpenSSL or
// BoringSSL that means the same; the second word is a verify result. It is read only.
var rustlsErrors = map[string][2]string{
	"NoCertificatesPresented":                                 {"PEER_DID_NOT_RETURN_A_CERTIFICATE"},
	"NoApplicationProtocol":                                   {"NO_APPLICATION_PROTOCOL"},
	"DecryptError":                                            {"DECRYPTION_FAILED_OR_BAD_RECORD_MAC"},
	"PeerSentOversizedRecord":                                 {"PACKET_LENGTH_TOO_LONG"},
	"InvalidMessage(InvalidContentType)":                      {"WRONG_VERSION_NUMBER"},
	"InvalidMessage(UnknownProtocolVersion)":                  {"WRONG_VERSION_NUMBER"},
	"PeerIncompatible(NoCipherSuitesInCommon)":                {"NO_SHARED_CIPHER"},
	"PeerIncompatible(NoKxGroupsInCommon)":                    {"NO_SHARED_GROUP"},
	"PeerIncompatible(NoSignatureSchemesInCommon)":            {"NO_COMMON_SIGNATURE_ALGORITHMS"},
	"PeerIncompatible(ServerDoesNotSupportTls12Or13)":         {"UNSUPPORTED_PROTOCOL"},
	"PeerIncompatible(ServerTlsVersionIsDisabledByOurConfig)": {"UNSUPPORTED_PROTOCOL"},
	"PeerIncompatible(SupportedVersionsExtensionRequired)":    {"UNSUPPORTED_PROTOCOL"},
	"PeerIncompatible(Tls12NotOffered)":                       {"UNSUPPORTED_PROTOCOL"},
	"PeerIncompatible(Tls12NotOfferedOrEnabled)":              {"UNSUPPORTED_PROTOCOL"},
	"InvalidCertificate(Expired)":                             {wordVerifyFailed, "CERT_HAS_EXPIRED"},
	"InvalidCertificate(ExpiredContext)":                      {wordVerifyFailed, "CERT_HAS_EXPIRED"},
	"InvalidCertificate(NotValidYet)":                         {wordVerifyFailed, "CERT_NOT_YET_VALID"},
	"InvalidCertificate(NotValidYetContext)":                  {wordVerifyFailed, "CERT_NOT_YET_VALID"},
	"InvalidCertificate(UnknownIssuer)":                       {wordVerifyFailed, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"},
	"InvalidCertificate(Revoked)":                             {wordVerifyFailed, "CERT_REVOKED"},
	"InvalidCertificate(NotValidForName)":                     {wordVerifyFailed, "x509.HostnameError"},
	"InvalidCertificate(NotValidForNameContext)":              {wordVerifyFailed, "x509.HostnameError"},
	"InvalidCertificate(BadSignature)":                        {wordVerifyFailed, "CERT_SIGNATURE_FAILURE"},
	"InvalidCertificate(InvalidPurpose)":                      {wordVerifyFailed, "INVALID_PURPOSE"},
	"InvalidCertificate(InvalidPurposeContext)":               {wordVerifyFailed, "INVALID_PURPOSE"},
	"InvalidCertificate(ExpiredRevocationList)":               {wordVerifyFailed, "CRL_HAS_EXPIRED"},
	"InvalidCertificate(UnknownRevocationStatus)":             {wordVerifyFailed, "UNABLE_TO_GET_CRL"},
	"peer did not present the expected SAN":                   {wordVerifyFailed, "x509.HostnameError"},
	"peer did not present the expected trustdomain":           {wordVerifyFailed, "CERT_UNTRUSTED"},
}

// goErrors are errors of Go's crypto/tls by the error of OpenSSL or BoringSSL that means the same. It is read only.
var goErrors = map[string]string{
	"client didn't provide a certificate":                 "PEER_DID_NOT_RETURN_A_CERTIFICATE",
	"first record does not look like a TLS handshake":     "WRONG_VERSION_NUMBER",
	"client sent an HTTP request to an HTTPS server":      "HTTP_REQUEST",
	"no cipher suite supported by both client and server": "NO_SHARED_CIPHER",
	"client offered only unsupported versions":            "UNSUPPORTED_PROTOCOL",
	"server selected unsupported protocol version":        "UNSUPPORTED_PROTOCOL",
	"no supported elliptic curves offered":                "NO_SHARED_GROUP",
	"client requested unsupported application protocols":  "NO_APPLICATION_PROTOCOL",
}

// inFamiliarWords returns what a library of another family, or Envoy itself, said in the words of OpenSSL and BoringSSL, or l as it is.
func inFamiliarWords(l *event.Library) *event.Library {
	if l == nil {
		return nil
	}
	out := *l
	if verify, known := envoyVerify[l.VerifyText]; known {
		out.VerifyText = verify
	}
	if same, known := goErrors[l.ErrorText]; known && l.Name == "Go" {
		out.ErrorText = same
	}
	if l.Name != "rustls" {
		return &out
	}
	if words, known := rustlsErrors[l.ErrorText]; known {
		out.ErrorText, out.VerifyText = words[0], words[1]
	} else if strings.HasPrefix(l.ErrorText, "InvalidCertificate(") {
		out.ErrorText = wordVerifyFailed
	}
	return &out
}
