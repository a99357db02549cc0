package verdict

import "github.com/tlstrace/tlstrace/event"

// errorReading is what an error of a library says.
type errorReading struct {
	reason event.Reason // "" for a refused certificate, whose verify result has it
	says   string       // completes "The server's library said that ..."
	// own marks what the side itself lacks: nothing at the peer would help.
	own bool
	// either marks that which side has to change cannot be told.
	either bool
	// symptom and plain are as in testimony.
	symptom, plain bool
}

const (
	wordVerifyFailed = "CERTIFICATE_VERIFY_FAILED"
	saysNoDecrypt    = "a record did not decrypt"
)

// errorTable holds the errors (SSL_R_...) of OpenSSL and BoringSSL that name a reason, without the prefix. It is read only.
var errorTable = map[string]errorReading{
	wordVerifyFailed: {},

	"PEER_DID_NOT_RETURN_A_CERTIFICATE": {reason: event.ClientCertificateRequired, says: "the peer sent no certificate"},
	"NO_CERTIFICATES_RETURNED":          {reason: event.ClientCertificateRequired, says: "the peer sent no certificate"},
	"CA_KEY_TOO_SMALL":                  {reason: event.BadCertificate, says: "an issuer's key is too small"},
	"CA_MD_TOO_WEAK":                    {reason: event.BadCertificate, says: "a certificate is signed with too weak a digest"},
	"EE_KEY_TOO_SMALL":                  {reason: event.BadCertificate, says: "a certificate's key is too small"},
	"BAD_ECC_CERT":                      {reason: event.BadCertificate, says: "the certificate's curve is not acceptable"},
	"ECC_CERT_NOT_FOR_SIGNING":          {reason: event.BadCertificate, says: "the certificate is not for signing"},
	"KEY_USAGE_BIT_INCORRECT":           {reason: event.BadCertificate, says: "the certificate's key usage does not fit"},
	"WRONG_CERTIFICATE_TYPE":            {reason: event.BadCertificate, says: "the certificate is of a type that was not asked for"},
	"UNKNOWN_CERTIFICATE_TYPE":          {reason: event.BadCertificate, says: "the certificate is of an unknown type"},
	"CANNOT_PARSE_LEAF_CERT":            {reason: event.BadCertificate, says: "the certificate cannot be parsed"},
	"INVALID_STATUS_RESPONSE":           {reason: event.BadCertificate, says: "the stapled OCSP response is not acceptable"},

	"UNSUPPORTED_PROTOCOL":                    {reason: event.ProtocolVersion, says: "no protocol version is common to both sides"},
	"VERSION_TOO_LOW":                         {reason: event.ProtocolVersion, says: "the protocol version is too low"},
	"VERSION_TOO_HIGH":                        {reason: event.ProtocolVersion, says: "the protocol version is too high"},
	"WRONG_SSL_VERSION":                       {reason: event.ProtocolVersion, says: "the protocol version is not one that it allows"},
	"UNKNOWN_SSL_VERSION":                     {reason: event.ProtocolVersion, says: "the protocol version is not known to it"},
	"BAD_PROTOCOL_VERSION_NUMBER":             {reason: event.ProtocolVersion, says: "the protocol version is not known to it"},
	"INAPPROPRIATE_FALLBACK":                  {reason: event.ProtocolVersion, says: "the client fell back to an older version needlessly"},
	"DOWNGRADE_DETECTED":                      {reason: event.ProtocolVersion, says: "the version was downgraded on the way"},
	"TLS13_DOWNGRADE":                         {reason: event.ProtocolVersion, says: "the version was downgraded on the way"},
	"NO_PROTOCOLS_AVAILABLE":                  {reason: event.ProtocolVersion, says: "its own configuration leaves no protocol version", own: true},
	"NO_SUPPORTED_VERSIONS_ENABLED":           {reason: event.ProtocolVersion, says: "its own configuration leaves no protocol version", own: true},
	"NO_SHARED_CIPHER":                        {reason: event.NoSharedCipher, says: "no cipher is common to both sides"},
	"INSUFFICIENT_SECURITY":                   {reason: event.NoSharedCipher, says: "the ciphers are too weak for it"},
	"WRONG_CIPHER_RETURNED":                   {reason: event.NoSharedCipher, says: "the server chose a cipher that was not offered"},
	"UNKNOWN_CIPHER_RETURNED":                 {reason: event.NoSharedCipher, says: "the server chose a cipher that it does not know"},
	"NO_CIPHERS_AVAILABLE":                    {reason: event.NoSharedCipher, says: "its own configuration leaves no cipher", own: true},
	"NO_CIPHERS_SPECIFIED":                    {reason: event.NoSharedCipher, says: "the client offered no cipher"},
	"NO_CIPHERS_PASSED":                       {reason: event.NoSharedCipher, says: "the client offered no cipher"},
	"NO_SHARED_GROUP":                         {reason: event.NoSharedGroup, says: "no key exchange group is common to both sides"},
	"NO_SHARED_GROUPS":                        {reason: event.NoSharedGroup, says: "no key exchange group is common to both sides"},
	"NO_SUITABLE_KEY_SHARE":                   {reason: event.NoSharedGroup, says: "no key exchange group is common to both sides"},
	"NO_SUITABLE_GROUPS":                      {reason: event.NoSharedGroup, says: "its configuration and the version leave no group", own: true},
	"WRONG_CURVE":                             {reason: event.NoSharedGroup, says: "the key exchange group is not one that it allows"},
	"UNSUPPORTED_ELLIPTIC_CURVE":              {reason: event.NoSharedGroup, says: "it does not support the curve"},
	"NO_APPLICATION_PROTOCOL":                 {reason: event.NoSharedALPN, says: "no application protocol is common to both sides"},
	"INVALID_ALPN_PROTOCOL":                   {reason: event.NoSharedALPN, says: "the server chose an application protocol that was not offered"},
	"DH_KEY_TOO_SMALL":                        {reason: event.NegotiationFailed, says: "the server's Diffie-Hellman key is too small"},
	"PSK_IDENTITY_NOT_FOUND":                  {reason: event.NegotiationFailed, says: "it does not know the pre-shared key that was named"},
	"NO_SHARED_SIGNATURE_ALGORITHMS":          {reason: event.NegotiationFailed, says: "no signature algorithm is common to both sides"},
	"NO_COMMON_SIGNATURE_ALGORITHMS":          {reason: event.NegotiationFailed, says: "no signature algorithm is common to both sides"},
	"NO_SUITABLE_SIGNATURE_ALGORITHM":         {reason: event.NegotiationFailed, says: "its certificate fits none of the peer's signature algorithms"},
	"WRONG_SIGNATURE_TYPE":                    {reason: event.NegotiationFailed, says: "the signature algorithm is not one that it allows"},
	"UNSAFE_LEGACY_RENEGOTIATION_DISABLED":    {reason: event.NegotiationFailed, says: "the peer lacks secure renegotiation (RFC 5746)"},
	"LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED": {reason: event.NegotiationFailed, says: "the signature algorithm is a legacy one that it does not allow"},

	"BAD_SIGNATURE":                        {reason: event.KeyMismatch, says: "the signature was not made by the certificate's key"},
	"DIGEST_CHECK_FAILED":                  {reason: event.KeyMismatch, says: "the Finished does not fit the handshake"},
	"BINDER_DOES_NOT_VERIFY":               {reason: event.KeyMismatch, says: "the pre-shared key is another one"},
	"CERTIFICATE_AND_PRIVATE_KEY_MISMATCH": {reason: event.KeyMismatch, says: "its certificate and private key do not belong together", own: true},
	"PRIVATE_KEY_MISMATCH":                 {reason: event.KeyMismatch, says: "its certificate and private key do not belong together", own: true},
	"PRIVATE_KEY_OPERATION_FAILED":         {reason: event.InternalError, says: "its private key could not be used", own: true},
	"NO_CERTIFICATE_SET":                   {reason: event.InternalError, says: "it has no certificate to send", own: true},
	"NO_CERTIFICATE_ASSIGNED":              {reason: event.InternalError, says: "it has no certificate to send", own: true},
	"NO_PRIVATE_KEY_ASSIGNED":              {reason: event.InternalError, says: "it has no private key", own: true},
	"ERR_R_INTERNAL_ERROR":                 {reason: event.InternalError, says: "an error of its own keeps it from going on", own: true},
	"ERR_R_MALLOC_FAILURE":                 {reason: event.InternalError, says: "it is out of memory", own: true},

	// GnuTLS (GNUTLS_E_...).
	"CERTIFICATE_ERROR":              {},
	"CERTIFICATE_VERIFICATION_ERROR": {},
	"NO_CERTIFICATE_FOUND":           {reason: event.ClientCertificateRequired, says: "the peer sent no certificate"},
	"CERTIFICATE_REQUIRED":           {reason: event.ClientCertificateRequired, says: "the peer sent no certificate"},
	"UNSUPPORTED_VERSION_PACKET":     {reason: event.ProtocolVersion, says: "no protocol version is common to both sides"},
	// Also where no version is common: what is left of the ciphers are those of versions that both sides have.
	"NO_CIPHER_SUITES":                {reason: event.NegotiationFailed, says: "no version and cipher are common to both sides", either: true},
	"UNKNOWN_CIPHER_SUITE":            {reason: event.NegotiationFailed, says: "no version and cipher are common to both sides", either: true},
	"NO_COMMON_KEY_SHARE":             {reason: event.NoSharedGroup, says: "no key exchange group is common to both sides"},
	"INSUFFICIENT_CREDENTIALS":        {reason: event.InternalError, says: "it has no certificate or key that would do", own: true},
	"RECEIVED_DISALLOWED_NAME":        {reason: event.UnrecognizedName, says: "it does not answer to the name that was asked for"},
	"UNSUPPORTED_SIGNATURE_ALGORITHM": {reason: event.NegotiationFailed, says: "the signature algorithm is not one that it supports"},

	// Go.
	"no cipher suite supported by both client and server":  {reason: event.NoSharedCipher, says: "no cipher is common to both sides"},
	"no key exchanges supported by both client and server": {reason: event.NoSharedGroup, says: "no key exchange group is common to both sides"},

	"HTTP_REQUEST":         {reason: event.PlaintextToTLS, says: "the client spoke HTTP", plain: true},
	"HTTPS_PROXY_REQUEST":  {reason: event.PlaintextToTLS, says: "the client sent a proxy CONNECT", plain: true},
	"WRONG_VERSION_NUMBER": {says: "what it received is no TLS record", plain: true},
	"UNKNOWN_PROTOCOL":     {says: "what it received is no TLS record", plain: true},

	"DECRYPTION_FAILED_OR_BAD_RECORD_MAC": {reason: event.KeyMismatch, says: saysNoDecrypt, symptom: true},
	"DECRYPTION_FAILED":                   {reason: event.KeyMismatch, says: saysNoDecrypt, symptom: true},
	"BLOCK_CIPHER_PAD_IS_WRONG":           {reason: event.KeyMismatch, says: saysNoDecrypt, symptom: true},
	"BAD_PACKET_LENGTH":                   {reason: event.Malformed, says: "a record is too short or too long", symptom: true},
	"PACKET_LENGTH_TOO_LONG":              {reason: event.Malformed, says: "a record is longer than TLS allows", symptom: true},
	"ENCRYPTED_LENGTH_TOO_LONG":           {reason: event.Malformed, says: "a record is longer than TLS allows", symptom: true},
	"LENGTH_MISMATCH":                     {reason: event.Malformed, says: "a message does not have the length it announces", symptom: true},
	"BAD_RECORD_TYPE":                     {reason: event.Malformed, says: "a record is of an unknown type", symptom: true},
	"UNEXPECTED_MESSAGE":                  {reason: event.Malformed, says: "a message came that does not belong there", symptom: true},
	"UNEXPECTED_RECORD":                   {reason: event.Malformed, says: "a record came that does not belong there", symptom: true},
}

// saysNothing lists errors that only follow others: OpenSSL's wrapper of a record error, its complaints about a stream that ended,
// and about being shut down in the middle of a handshake.
func saysNothing(word string) bool {
	switch word {
	case "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING", "SHUTDOWN_WHILE_IN_INIT", "PROTOCOL_IS_SHUTDOWN", "SSL_HANDSHAKE_FAILURE":
		return true
	}
	return false
}

// errorTestimony reads an error that names a reason.
func (c *connection) errorTestimony(word string, e errorReading) testimony {
	side := c.Library.Side
	switch {
	case e == (errorReading{}):
		return c.refusal(word)
	case e.plain:
		return c.plainTestimony(word, e)
	}
	f := finding{
		outcome: event.Failed, reason: e.reason, gaveUp: side, confidence: event.Exact,
		summary: "The " + string(side) + "'s library said that " + e.says + " (" + word + ").",
	}
	if e.reason == event.ClientCertificateRequired && side == event.Client {
		f.reason = event.ServerCertificateRejected // an anonymous server, as far as that can be
	}
	f.phase = c.errorPhase(f.reason, side)
	if f.advise(c, side); e.own {
		f.lookAt = side
	}
	if e.either {
		f.lookAt = event.Unknown
		f.hint = c.offered("versions", c.versions())
	}
	return testimony{finding: f, side: side, word: word, symptom: e.symptom}
}

// errorPhase is when a side finds such an error, or "" where only the wire can tell.
func (c *connection) errorPhase(r event.Reason, side event.Side) event.Phase {
	switch {
	case r == event.KeyMismatch && c.answered:
		return event.PhaseFinished
	case r.Layer() == event.LayerCertificate && r != event.KeyMismatch:
		return certificatePhase(side)
	case r.Layer() == event.LayerNegotiation && side == event.Client && c.answered:
		return event.PhaseServerHello
	}
	return ""
}

// advise says whose side to look at for a reason that a side gave, and what was offered.
func (f *finding) advise(c *connection, side event.Side) {
	f.lookAt = side.Peer()
	switch f.reason {
	case event.ProtocolVersion:
		f.lookAt = c.olderSide(side)
		f.hint = c.offered("versions", c.versions())
	case event.NoSharedCipher:
		f.lookAt = c.weakerSide(side)
		f.hint = c.offered("ciphers", c.ciphers())
	case event.NoSharedGroup:
		f.lookAt = event.Unknown
		f.hint = c.offered("groups", c.groups())
	case event.NoSharedALPN:
		f.hint = c.offered("ALPN", c.alpn())
	}
}

// plainTestimony reads a complaint that the other side spoke no TLS. If the wire shows that it did, what is wrong is the version
// in its records.
func (c *connection) plainTestimony(word string, e errorReading) testimony {
	side := c.Library.Side
	f := finding{
		outcome: event.Failed, reason: event.TLSToPlaintext, phase: event.PhaseClientHello, gaveUp: side, lookAt: event.Client,
		confidence: event.Exact,
	}
	plain := true
	switch {
	case side == event.Client && c.server.records > 0, side == event.Server && c.client.records > 0 && !c.notTLS(event.Client):
		plain, f.reason, f.phase = false, event.ProtocolVersion, ""
		f.advise(c, side)
	case side == event.Server:
		f.reason, f.hint = plaintext(c).reason, prefaceHint(c.Preface)
		if e.reason != "" {
			f.reason = e.reason
		}
	}
	f.summary = "The " + string(side) + "'s library said that " + e.says + " (" + word + ")."
	return testimony{finding: f, side: side, word: word, plain: plain}
}
