package verdict

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Hint says what to look at next for a reason, or "" for one that is not in the closed set or needs none.
func Hint(r event.Reason) string { return hints[r] }

// hints is read only.
var hints = map[event.Reason]string{
	event.ConnectionRefused: "Is the server up and listening on that address and port? Check its readiness and the service's target port.",
	event.HostUnreachable:   "Check routes, firewalls that reject, and network policies between the two ends.",
	event.ConnectTimeout:    "Packets are dropped on the way: check network policies, firewalls, security groups, and whether the address still exists.",

	event.RedirectRefused: "NAT sent the connection to a port where nobody listens: check the proxy behind the redirect and its rules.",
	event.RedirectNotTLS:  "NAT sent the connection to a port that does not speak TLS: check the redirect's rules and the proxy's listeners.",

	event.PlaintextToTLS: "Switch the client to TLS, or use the server's plaintext port. In a mesh: a client without a sidecar meets STRICT mTLS.",
	event.TLSToPlaintext: "Check the port and scheme that the client uses. If this port should speak TLS, the server lacks it. In a mesh: a DestinationRule asks for TLS where no sidecar is.",
	event.Malformed:      "Check what else uses this port: a different protocol, a PROXY header that is not expected, or a broken middlebox.",

	event.ProtocolVersion:   "Compare the minimum and maximum TLS versions of both sides.",
	event.NoSharedCipher:    "Compare the cipher lists of both sides; a certificate's key type (RSA, ECDSA) limits the ciphers as well.",
	event.NoSharedGroup:     "Compare the key exchange groups (curves) of both sides.",
	event.NoSharedALPN:      "Compare the application protocols (ALPN) of both sides, such as h2 and http/1.1.",
	event.UnrecognizedName:  "Check the name the client asks for (SNI) against the names that the server has a certificate or route for.",
	event.NegotiationFailed: "Compare TLS versions, ciphers, groups and signature algorithms of both sides.",

	event.CertificateExpired:        "Renew the certificate and make sure that the process has loaded it; check the clock of the side that refused.",
	event.CertificateNotYetValid:    "Check the clock of the side that refused, and the certificate's notBefore.",
	event.UnknownCA:                 "Check that the whole chain is sent, and that the refusing side's trust store holds the root that issued it. A self-signed certificate is refused so, too.",
	event.SelfSigned:                "Have the certificate issued by an authority that both sides trust, or add it to the trust store.",
	event.NameMismatch:              "Compare the name the client asks for with the certificate's subject alternative names.",
	event.CertificateRevoked:        "Replace the certificate: its authority has revoked it.",
	event.ClientCertificateRequired: "Give the client a certificate and key. In a mesh: a client without a sidecar, or one whose TLS mode is not ISTIO_MUTUAL, meets STRICT mTLS.",
	event.ClientCertificateRejected: "Check the client certificate's issuer, expiry and name against what the server trusts; the server's log says more.",
	event.ServerCertificateRejected: "Check the server certificate's expiry, names and chain against what the client trusts; the client's log says more.",
	event.BadCertificate:            "Check the certificate's names, dates, issuer and key usage: some libraries send this alert for any of them. The log of the side that refused says more.",
	event.KeyMismatch:               "Check that certificate and private key belong together, that both sides share session and pre-shared keys, and that nothing in between changes bytes.",

	event.ResetByClient:    "Check the client's log and deadlines, and whether its process was restarted.",
	event.ResetByServer:    "Check the server's log, its connection limits, and whether its process was restarted. A policy that closes with bytes unread looks like this.",
	event.ResetInBetween:   "A firewall, NAT or network policy on the way forged the reset: look there, not at the two ends.",
	event.ClosedByClient:   "Check the client's log and deadlines: it left in the middle of the handshake.",
	event.ClosedByServer:   "Check the server's log: it left in the middle of the handshake, as servers do without a certificate, route or free worker.",
	event.HandshakeTimeout: "Find out what the silent side was doing: overload, a blocked accept loop, a slow certificate check, or lost packets (MTU).",
	event.InternalError:    "Read the log of the side that sent the alert; a missing certificate or secret is the usual cause.",

	event.Probe: "A health check or port scan looks like this.",
	event.Scan:  "Plain TCP traffic, or a scan, on a port that is not known to speak TLS.",
}

// prefaceHint adds what a known plaintext protocol suggests.
func prefaceHint(p event.Preface) string {
	switch p {
	case event.PrefaceHTTP:
		return "The client used http:// where https:// is served."
	case event.PrefaceConnect:
		return "The client sent a proxy CONNECT in plaintext: is its proxy address https?"
	case event.PrefaceProxyV1, event.PrefaceProxyV2:
		return "A load balancer sends the PROXY protocol to a listener that does not expect it."
	case event.PrefacePostgres:
		return "The client negotiates TLS the Postgres way; the server wants TLS from the first byte (sslnegotiation=direct)."
	case event.PrefaceSMTP, event.PrefaceIMAP, event.PrefacePOP3, event.PrefaceFTP, event.PrefaceLDAP, event.PrefaceXMPP:
		return "The client uses STARTTLS or plaintext on a port with TLS from the first byte."
	}
	return ""
}

// joinHint puts sentences together and leaves out the empty ones.
func joinHint(parts ...string) string {
	kept := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}
