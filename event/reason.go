package event

// Layer answers the first question of an incident: is it the network, the redirect, the protocol, the certificate, or the peer?
type Layer string

// The layers, from the wire up.
const (
	LayerConnect     Layer = "connect"
	LayerRedirect    Layer = "redirect"
	LayerProtocol    Layer = "protocol"
	LayerNegotiation Layer = "negotiation"
	LayerCertificate Layer = "certificate"
	LayerPeer        Layer = "peer"
	LayerNoise       Layer = "noise"
)

// Layers lists the closed set, from the wire up.
var Layers = []Layer{
	LayerConnect, LayerRedirect, LayerProtocol, LayerNegotiation, LayerCertificate, LayerPeer, LayerNoise,
}

// Reason says why a handshake failed. It is a closed set, and a metric label.
type Reason string

// The reasons, by layer.
const (
	ConnectionRefused Reason = "connection_refused"
	HostUnreachable   Reason = "host_unreachable"
	ConnectTimeout    Reason = "connect_timeout"

	RedirectRefused Reason = "redirect_refused"
	RedirectNotTLS  Reason = "redirect_not_tls"

	PlaintextToTLS Reason = "plaintext_to_tls"
	TLSToPlaintext Reason = "tls_to_plaintext"
	Malformed      Reason = "malformed"

	ProtocolVersion   Reason = "protocol_version"
	NoSharedCipher    Reason = "no_shared_cipher"
	NoSharedGroup     Reason = "no_shared_group"
	NoSharedALPN      Reason = "no_shared_alpn"
	UnrecognizedName  Reason = "unrecognized_name"
	NegotiationFailed Reason = "negotiation_failed"

	CertificateExpired        Reason = "certificate_expired"
	CertificateNotYetValid    Reason = "certificate_not_yet_valid"
	UnknownCA                 Reason = "unknown_ca"
	SelfSigned                Reason = "self_signed"
	NameMismatch              Reason = "name_mismatch"
	CertificateRevoked        Reason = "certificate_revoked"
	ClientCertificateRequired Reason = "client_certificate_required"
	ClientCertificateRejected Reason = "client_certificate_rejected"
	ServerCertificateRejected Reason = "server_certificate_rejected"
	BadCertificate            Reason = "bad_certificate"
	KeyMismatch               Reason = "key_mismatch"

	ResetByClient    Reason = "reset_by_client"
	ResetByServer    Reason = "reset_by_server"
	ResetInBetween   Reason = "reset_in_between"
	ClosedByClient   Reason = "closed_by_client"
	ClosedByServer   Reason = "closed_by_server"
	HandshakeTimeout Reason = "handshake_timeout"
	InternalError    Reason = "internal_error"

	Probe Reason = "probe"
	Scan  Reason = "scan"
)

// reasonLayers is the closed set in the order in which it is listed to users.
var reasonLayers = []struct {
	layer   Layer
	reasons []Reason
}{
	{LayerConnect, []Reason{ConnectionRefused, HostUnreachable, ConnectTimeout}},
	{LayerRedirect, []Reason{RedirectRefused, RedirectNotTLS}},
	{LayerProtocol, []Reason{PlaintextToTLS, TLSToPlaintext, Malformed}},
	{LayerNegotiation, []Reason{
		ProtocolVersion, NoSharedCipher, NoSharedGroup, NoSharedALPN, UnrecognizedName, NegotiationFailed,
	}},
	{LayerCertificate, []Reason{
		CertificateExpired, CertificateNotYetValid, UnknownCA, SelfSigned, NameMismatch, CertificateRevoked,
		ClientCertificateRequired, ClientCertificateRejected, ServerCertificateRejected, BadCertificate, KeyMismatch,
	}},
	{LayerPeer, []Reason{
		ResetByClient, ResetByServer, ResetInBetween, ClosedByClient, ClosedByServer, HandshakeTimeout, InternalError,
	}},
	{LayerNoise, []Reason{Probe, Scan}},
}

// Reasons lists the closed set, layer by layer.
func Reasons() []Reason {
	var all []Reason
	for _, l := range reasonLayers {
		all = append(all, l.reasons...)
	}
	return all
}

// Layer returns the layer that a reason belongs to, or "" for a reason that is not in the closed set.
func (r Reason) Layer() Layer {
	for _, l := range reasonLayers {
		for _, known := range l.reasons {
			if known == r {
				return l.layer
			}
		}
	}
	return ""
}
