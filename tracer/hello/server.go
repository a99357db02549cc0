package hello

import "errors"

// ServerHello is what a server chose (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3).
type ServerHello struct {
	Length        int    // of the whole message in bytes, header included, as declared
	LegacyVersion uint16 // 0 if not even that was readable
	SessionID     SessionID
	Cipher        uint16
	Version       uint16 // from supported_versions, else the legacy version; 0 if it was cut off
	Group         uint16 // of the key share; in a HelloRetryRequest the group that is asked for; 0 before TLS 1.3
	ALPN          string // before TLS 1.3, which encrypts it; at most 64 bytes
	PSK           bool   // an offered pre-shared key was selected: TLS 1.3 resumes so
	HelloRetry    bool   // the message is a HelloRetryRequest
	// Truncated says that something is missing: the message was cut off, or is malformed behind what could be read.
	Truncated bool
}

// retryRandom marks a ServerHello as a HelloRetryRequest: the SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// ParseServer decodes the ServerHello or HelloRetryRequest that msg begins with: the handshake message, its header included,
// without record headers. Bytes that follow the message, as in the flight of TLS 1.2, are left alone.
//
// Of a message that was cut off or is malformed it returns what could be read. The error is nil, [ErrNotHello] or [ErrMalformed].
// Nothing that is returned refers to msg.
func ParseServer(msg []byte) (ServerHello, error) {
	var s ServerHello
	body, length, err := message(msg, typeServerHello)
	s.Length = length
	s.Truncated = body.missing > 0
	if err == nil {
		err = s.read(&body)
	}
	if err != nil {
		s.Truncated = true
	}
	s.defaultVersion()
	if errors.Is(err, errCut) {
		err = nil
	}
	return s, err
}

func (s *ServerHello) read(body *span) error {
	var version uint16
	if err := body.uint16(&version); err != nil {
		return err
	}
	if !isVersion(version) {
		return ErrMalformed
	}
	s.LegacyVersion = version
	var random span
	if err := body.take(randomBytes, &random); err != nil {
		return err
	}
	s.HelloRetry = string(random.have) == retryRandom
	if err := body.sessionID(&s.SessionID); err != nil {
		return err
	}
	if err := body.uint16(&s.Cipher); err != nil {
		return err
	}
	var compression uint8
	if err := body.uint8(&compression); err != nil {
		return err
	}
	return body.extensions(s.extension)
}

func (s *ServerHello) extension(kind uint16, ext span) error {
	switch kind {
	case extSupportedVersions:
		if err := ext.uint16(&s.Version); err != nil {
			return err
		}
		return ext.end()
	case extPreSharedKey:
		s.PSK = true
	case extKeyShare:
		return s.keyShare(&ext)
	case extALPN:
		return s.protocol(&ext)
	}
	return nil
}

// keyShare reads the group of the server's share (RFC 8446 section 4.2.8).
func (s *ServerHello) keyShare(ext *span) error {
	if err := ext.uint16(&s.Group); err != nil {
		return err
	}
	if s.HelloRetry {
		return ext.end()
	}
	var key span
	if err := ext.vector16(&key); err != nil {
		return err
	}
	return ext.end()
}

// protocol reads the one name that a server may choose (RFC 7301 section 3.1).
func (s *ServerHello) protocol(ext *span) error {
	var names, name span
	if err := ext.vector16(&names); err != nil {
		return err
	}
	if err := names.vector8(&name); err != nil {
		return err
	}
	if name.missing > 0 {
		return errCut
	}
	s.ALPN = protocol(name.have[:min(len(name.have), maxALPNBytes)])
	return ext.end()
}

// defaultVersion completes a hello without supported_versions. If that may have been cut off, the suite tells:
// those of TLS 1.3 are used in TLS 1.3 only, and no others are there (RFC 8446 section 4.1.2).
func (s *ServerHello) defaultVersion() {
	switch {
	case s.Version != 0, s.LegacyVersion == 0:
	case !s.Truncated:
		s.Version = s.LegacyVersion
	case s.Cipher == 0: // cut off before it
	case isTLS13Suite(s.Cipher):
		s.Version = versionTLS13
	default:
		s.Version = s.LegacyVersion
	}
}

// isTLS13Suite says whether a cipher suite is for TLS 1.3: those of RFC 8446 and their kin, of RFC 8998 and of RFC 9150.
func isTLS13Suite(n uint16) bool {
	switch n {
	case 0x00c6, 0x00c7, 0xc0b4, 0xc0b5:
		return true
	}
	return n>>8 == 0x13
}

// resumes says whether the server took up an earlier session: a pre-shared key in TLS 1.3, the client's session id before
// (RFC 5246 section 7.4.1.3, RFC 5077 section 3.4). In TLS 1.3 the id is echoed always and means nothing.
func (s *ServerHello) resumes(client *ClientHello) bool {
	if s.Version == 0 || s.Version > versionTLS12 {
		return s.PSK
	}
	return s.SessionID.Len() > 0 && s.SessionID == client.SessionID
}
