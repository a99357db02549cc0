package hello

import (
	"errors"
	"slices"
)

// ClientHello is what a client offers (RFC 8446 section 4.1.2). GREASE (RFC 8701) is left out of all lists.
type ClientHello struct {
	Length        int    // of the whole message in bytes, header included, as declared
	LegacyVersion uint16 // 0 if not even that was readable
	SessionID     SessionID
	Ciphers       []uint16 // in the order of preference; signalling values (SCSV) are among them
	Extensions    []uint16 // types, in the order in which they were sent
	Versions      []uint16 // highest first; the legacy version if there is no supported_versions; empty if that was cut off
	Groups        []uint16
	KeyShares     []uint16 // groups for which a key was sent along
	Signatures    []uint16 // signature_algorithms
	SNI           string   // host_name, at most 255 bytes of it
	ALPN          []string // at most 16 names, at most 64 bytes of each
	PSK           bool     // a pre-shared key, which in TLS 1.3 also is a session to resume, was offered
	EarlyData     bool     // early data was announced, and follows
	// Truncated says that something is missing: the message was cut off, a list was longer than is kept, or the message
	// is malformed behind what could be read.
	Truncated bool

	alpnEnds [2]byte // of the first name in ALPN, as JA4 writes them
}

// ParseClient decodes the ClientHello that msg begins with: the handshake message, its header included, without
// record headers. Bytes that follow the message are left alone.
//
// Of a message that was cut off or is malformed it returns what could be read. The error is nil, [ErrNotHello] or [ErrMalformed].
// Nothing that is returned refers to msg.
func ParseClient(msg []byte) (ClientHello, error) {
	c := ClientHello{alpnEnds: ja4ALPN(nil)}
	body, length, err := message(msg, typeClientHello)
	c.Length = length
	c.Truncated = body.missing > 0
	if err == nil {
		err = c.read(&body)
	}
	if err != nil {
		c.Truncated = true
	}
	c.defaultVersion()
	if errors.Is(err, errCut) {
		err = nil
	}
	return c, err
}

func (c *ClientHello) read(body *span) error {
	var version uint16
	if err := body.uint16(&version); err != nil {
		return err
	}
	if !isVersion(version) {
		return ErrMalformed
	}
	c.LegacyVersion = version
	var random, ciphers, compressions span
	if err := body.take(randomBytes, &random); err != nil {
		return err
	}
	if err := body.sessionID(&c.SessionID); err != nil {
		return err
	}
	if err := body.vector16(&ciphers); err != nil {
		return err
	}
	// All lists share one array, sized for the browsers' and libraries' usual hello.
	numbers := make([]uint16, 0, 128)
	if err := c.list(&c.Ciphers, &numbers, &ciphers, maxCiphers); err != nil {
		return err
	}
	if err := body.vector8(&compressions); err != nil {
		return err
	}
	return c.readExtensions(body, numbers)
}

// readExtensions appends the lists of numbers to the spare room of numbers.
func (c *ClientHello) readExtensions(body *span, numbers []uint16) error {
	var types [maxExtensions]uint16
	count := 0
	err := body.extensions(func(kind uint16, ext span) error {
		switch {
		case grease(kind):
			return nil
		case count == maxExtensions:
			c.Truncated = true
		default:
			types[count] = kind
			count++
		}
		return c.extension(kind, &ext, &numbers)
	})
	c.Extensions = append(numbers, types[:count]...)[len(numbers):]
	return err
}

func (c *ClientHello) extension(kind uint16, ext *span, numbers *[]uint16) error {
	switch kind {
	case extServerName:
		return c.serverName(ext)
	case extALPN:
		return c.protocols(ext)
	case extSupportedVersions:
		return c.versions(ext, numbers)
	case extSupportedGroups:
		return c.list16(&c.Groups, numbers, ext, maxGroups)
	case extSignatureAlgorithms:
		return c.list16(&c.Signatures, numbers, ext, maxSignatures)
	case extKeyShare:
		return c.keyShares(ext, numbers)
	case extPreSharedKey:
		c.PSK = true
	case extEarlyData:
		c.EarlyData = true
	}
	return nil
}

// list reads the numbers in s into out, at the end of the array that all lists share.
func (c *ClientHello) list(out, numbers *[]uint16, s *span, limit int) error {
	start := len(*numbers)
	all, err := s.numbers(*numbers, limit)
	*out, *numbers = all[start:len(all):len(all)], all
	if errors.Is(err, errLong) {
		c.Truncated = true
		return nil
	}
	return err
}

// list16 is list for an extension that is a vector of numbers and nothing else.
func (c *ClientHello) list16(out, numbers *[]uint16, ext *span, limit int) error {
	var items span
	if err := ext.vector16(&items); err != nil {
		return err
	}
	if err := c.list(out, numbers, &items, limit); err != nil {
		return err
	}
	return ext.end()
}

// versions reads supported_versions (RFC 8446 section 4.2.1).
func (c *ClientHello) versions(ext *span, numbers *[]uint16) error {
	var items span
	if err := ext.vector8(&items); err != nil {
		return err
	}
	err := c.list(&c.Versions, numbers, &items, maxVersions)
	slices.Sort(c.Versions)
	slices.Reverse(c.Versions)
	if err != nil {
		return err
	}
	return ext.end()
}

// defaultVersion completes the hello of a client that does not know supported_versions. If the extension may have been
// cut off, nothing is known: the legacy version of a TLS 1.3 client says 1.2.
func (c *ClientHello) defaultVersion() {
	if c.LegacyVersion != 0 && !c.Truncated && !slices.Contains(c.Extensions, extSupportedVersions) {
		c.Versions = []uint16{c.LegacyVersion}
	}
}

// serverName reads the host name of server_name (RFC 6066 section 3); other kinds of name were never defined.
func (c *ClientHello) serverName(ext *span) error {
	var names span
	if err := ext.vector16(&names); err != nil {
		return err
	}
	for !names.empty() {
		var kind uint8
		var name span
		if err := names.uint8(&kind); err != nil {
			return err
		}
		if err := names.vector16(&name); err != nil {
			return err
		}
		if name.missing > 0 { // half a name would be another name
			return errCut
		}
		if kind == 0 && c.SNI == "" {
			c.SNI = text(c.prefix(&name, maxSNIBytes))
		}
	}
	return ext.end()
}

// protocols reads the names of application_layer_protocol_negotiation (RFC 7301 section 3.1).
func (c *ClientHello) protocols(ext *span) error {
	var names span
	if err := ext.vector16(&names); err != nil {
		return err
	}
	for first := true; !names.empty(); first = false {
		var name span
		if err := names.vector8(&name); err != nil {
			return err
		}
		if name.missing > 0 {
			return errCut
		}
		if first {
			c.alpnEnds = ja4ALPN(name.have)
		}
		c.protocol(&name)
	}
	return ext.end()
}

func (c *ClientHello) protocol(name *span) {
	raw := c.prefix(name, maxALPNBytes)
	switch {
	case len(raw) == 0, len(raw) == 2 && grease(uint16(raw[0])<<8|uint16(raw[1])):
	case len(c.ALPN) == maxALPN:
		c.Truncated = true
	default:
		if c.ALPN == nil {
			c.ALPN = make([]string, 0, 2) // the browsers' and Envoy's
		}
		c.ALPN = append(c.ALPN, protocol(raw))
	}
}

// prefix returns what is kept of a name of which at most limit bytes are.
func (c *ClientHello) prefix(name *span, limit int) []byte {
	if len(name.have) > limit {
		c.Truncated = true
		return name.have[:limit]
	}
	return name.have
}

// keyShares reads the groups of key_share (RFC 8446 section 4.2.8).
func (c *ClientHello) keyShares(ext *span, numbers *[]uint16) error {
	var shares span
	if err := ext.vector16(&shares); err != nil {
		return err
	}
	start := len(*numbers)
	for !shares.empty() {
		var group uint16
		var key span
		if err := shares.uint16(&group); err != nil {
			return err
		}
		switch {
		case grease(group):
		case len(c.KeyShares) == maxKeyShares:
			c.Truncated = true
		default:
			*numbers = append(*numbers, group)
			c.KeyShares = (*numbers)[start:len(*numbers):len(*numbers)]
		}
		if err := shares.vector16(&key); err != nil {
			return err
		}
	}
	return ext.end()
}
