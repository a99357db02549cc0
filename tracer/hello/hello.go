// Package hello decodes the two TLS messages that are always in clear, ClientHello and ServerHello, and spells the numbers
// of TLS as IANA registers them.
//
// Decoding is pure: bytes in, values out. The bytes come from the network and are hostile: every length is checked, every
// list is bounded, and text is made valid UTF-8. Control characters stay in it: escaping is left to whoever prints it.
package hello

import "errors"

// What can be wrong with a message. A message that was only cut off is no error: see Truncated in [ClientHello] and [ServerHello].
var (
	// ErrNotHello says that the bytes are another handshake message, or none at all.
	ErrNotHello = errors.New("not the hello that was asked for")
	// ErrMalformed says that lengths inside the message contradict each other, so that an endpoint would answer with decode_error.
	ErrMalformed = errors.New("malformed hello")
)

// Handshake message types (RFC 8446 section 4).
const (
	typeClientHello = 1
	typeServerHello = 2
)

// Extension types in use (IANA, TLS ExtensionType Values).
const (
	extServerName          = 0
	extSupportedGroups     = 10
	extSignatureAlgorithms = 13
	extALPN                = 16
	extPreSharedKey        = 41
	extEarlyData           = 42
	extSupportedVersions   = 43
	extKeyShare            = 51
)

// Protocol versions (RFC 8446 section 4.1.2 and its predecessors).
const (
	versionSSL30 = 0x0300
	versionTLS10 = 0x0301
	versionTLS11 = 0x0302
	versionTLS12 = 0x0303
	versionTLS13 = 0x0304
)

// Bounds of what is kept of one hello. A list that is longer is cut, and the hello marked as truncated.
const (
	maxVersions   = 16
	maxCiphers    = 128
	maxExtensions = 64
	maxGroups     = 64
	maxKeyShares  = 16
	maxSignatures = 64
	maxALPN       = 16
	maxALPNBytes  = 64
	maxSNIBytes   = 255
)

const (
	headerBytes = 4 // of a handshake message: type and length
	randomBytes = 32
	// maxHello is the longest body that a ClientHello's own length fields allow; a ServerHello's is shorter.
	maxHello = 2 + randomBytes + 1 + maxSessionID + 2 + 0xfffe + 1 + 0xff + 2 + 0xffff
)

// grease says whether n is one of the reserved values that clients send to keep servers tolerant (RFC 8701).
func grease(n uint16) bool {
	return n&0x0f0f == 0x0a0a && n>>8 == n&0xff
}

// isVersion says whether n can stand in the version field of a hello: anything since SSL 3.0.
func isVersion(n uint16) bool {
	return n>>8 == 3
}
