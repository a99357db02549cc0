package verdict

import (
	"strconv"

	"github.com/tlstrace/tlstrace/event"
)

// alertReading is what an alert code says by itself. What depends on the sender and the moment is in refine.
type alertReading struct {
	name   string
	reason event.Reason // "" where it depends on the sender
	says   string       // completes "the client said that ..."
}

// Codes whose meaning depends on who sent them and when (RFC 8446 section 6, RFC 5246 section 7.2).
const (
	alertCloseNotify           = 0
	alertUnexpectedMessage     = 10
	alertBadRecordMAC          = 20
	alertDecryptionFailed      = 21
	alertRecordOverflow        = 22
	alertHandshakeFailure      = 40
	alertNoCertificate         = 41
	alertBadCertificate        = 42
	alertCertificateUnknown    = 46
	alertIllegalParameter      = 47
	alertAccessDenied          = 49
	alertDecodeError           = 50
	alertProtocolVersion       = 70
	alertInsufficientSecurity  = 71
	alertInternalError         = 80
	alertInappropriateFallback = 86
	alertUserCanceled          = 90
	alertMissingExtension      = 109
	alertUnsupportedExtension  = 110
	alertUnrecognizedName      = 112
	alertRequired              = 116
	alertGeneralError          = 117
	alertNoApplicationProtocol = 120
)

// certificateAlerts are judgements of the other side's certificate.
var certificateAlerts = [...]uint8{42, 43, 44, 45, 46, 48, 49, 111, 113, 114, 116}

// alertTable is the IANA TLS Alert registry by code; a code without a name is not registered.
var alertTable = [...]alertReading{
	0:  {"close_notify", "", "it is closing the connection"},
	10: {"unexpected_message", event.Malformed, "a message came that does not belong there"},
	20: {"bad_record_mac", event.KeyMismatch, "a record did not decrypt"},
	21: {"decryption_failed_RESERVED", event.KeyMismatch, "a record did not decrypt"},
	22: {"record_overflow", event.Malformed, "a record was longer than TLS allows"},
	30: {"decompression_failure_RESERVED", event.Malformed, "a record did not decompress"},
	40: {"handshake_failure", event.NegotiationFailed, "no acceptable set of parameters was offered"},
	41: {"no_certificate_RESERVED", event.ClientCertificateRequired, "it has no certificate to send"},
	42: {"bad_certificate", event.BadCertificate, "the certificate is bad, without saying how"},
	43: {"unsupported_certificate", event.BadCertificate, "the certificate is of a kind it does not support"},
	44: {"certificate_revoked", event.CertificateRevoked, "the certificate was revoked"},
	45: {"certificate_expired", event.CertificateExpired, "the certificate has expired or is not valid now"},
	46: {"certificate_unknown", "", "the certificate is not acceptable, without saying why"},
	47: {"illegal_parameter", event.NegotiationFailed, "a field of the handshake was out of range or inconsistent"},
	48: {"unknown_ca", event.UnknownCA, "the certificate's issuer is not one that it trusts"},
	49: {"access_denied", "", "the certificate is valid and not allowed in"},
	50: {"decode_error", event.Malformed, "a message could not be decoded"},
	51: {"decrypt_error", event.KeyMismatch, "a signature or a Finished did not verify"},
	52: {"too_many_cids_requested", event.Malformed, "too many connection ids were asked for"},
	60: {"export_restriction_RESERVED", event.NegotiationFailed, "export restrictions forbid the parameters"},
	70: {"protocol_version", event.ProtocolVersion, "it does not support the protocol version"},
	71: {"insufficient_security", event.NoSharedCipher, "it requires stronger ciphers than were offered"},
	80: {"internal_error", event.InternalError, "an error of its own keeps it from going on"},
	86: {"inappropriate_fallback", event.ProtocolVersion, "the client fell back to an older version needlessly"},
	90: {"user_canceled", "", "the handshake is cancelled for a reason outside TLS"},

	100: {"no_renegotiation_RESERVED", event.NegotiationFailed, "it does not renegotiate"},
	109: {"missing_extension", event.NegotiationFailed, "an extension is missing that it requires"},
	110: {"unsupported_extension", event.NegotiationFailed, "an extension came that was not offered"},
	111: {"certificate_unobtainable_RESERVED", event.BadCertificate, "the certificate could not be fetched"},
	112: {"unrecognized_name", event.UnrecognizedName, "it does not serve the server name that was asked for"},
	113: {"bad_certificate_status_response", event.BadCertificate, "the stapled OCSP response is not acceptable"},
	114: {"bad_certificate_hash_value_RESERVED", event.BadCertificate, "the certificate is not the one announced"},
	115: {"unknown_psk_identity", event.NegotiationFailed, "it does not know the pre-shared key that was named"},
	116: {"certificate_required", event.ClientCertificateRequired, "it requires a client certificate"},
	117: {"general_error", event.InternalError, "an error of its own keeps it from going on"},
	120: {"no_application_protocol", event.NoSharedALPN, "it speaks none of the application protocols offered"},
	121: {"ech_required", event.NegotiationFailed, "it requires Encrypted Client Hello"},
}

func registered(code uint8) (alertReading, bool) {
	if int(code) >= len(alertTable) || alertTable[code].name == "" {
		return alertReading{}, false
	}
	return alertTable[code], true
}

// alertText names an alert for a summary: "certificate_expired, alert 45".
func alertText(code uint8) string {
	number := "alert " + strconv.Itoa(int(code))
	if r, ok := registered(code); ok {
		return r.name + ", " + number
	}
	return number
}
