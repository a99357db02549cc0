package hello

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// ja4Bytes is the length of a JA4 fingerprint: t13d1516h2_8daaf6152771_e5627efa2ab1.
const ja4Bytes = 36

// ja4Empty stands for the hash of an empty list.
const ja4Empty = "000000000000"

const hexDigits = "0123456789abcdef"

// JA4 returns the JA4 fingerprint of the client (FoxIO, technical_details/JA4.md; TLS over TCP). It is "" if the hello is truncated:
// a fingerprint of a part would be that of another client.
func (c *ClientHello) JA4() string {
	if c.Truncated || c.LegacyVersion == 0 {
		return ""
	}
	var room [ja4Bytes]byte
	out := append(room[:0], 't')
	out = append(out, ja4Version(c.Versions)...)
	if slices.Contains(c.Extensions, extServerName) {
		out = append(out, 'd')
	} else {
		out = append(out, 'i')
	}
	out = ja4Count(out, len(c.Ciphers))
	out = ja4Count(out, len(c.Extensions))
	out = append(out, c.alpnEnds[:]...)
	out = append(out, '_')
	out = ja4Hash(out, c.Ciphers, nil)
	out = append(out, '_')
	out = ja4Hash(out, c.ja4Extensions(make([]uint16, 0, maxExtensions)), c.Signatures)
	return string(out)
}

func ja4Version(versions []uint16) string {
	if len(versions) == 0 {
		return "00"
	}
	switch versions[0] {
	case versionTLS13:
		return "13"
	case versionTLS12:
		return "12"
	case versionTLS11:
		return "11"
	case versionTLS10:
		return "10"
	case versionSSL30:
		return "s3"
	}
	return "00"
}

func ja4Count(out []byte, n int) []byte {
	n = min(n, 99)
	return append(out, '0'+byte(n/10), '0'+byte(n%10))
}

// ja4ALPN returns the first and the last character of an ALPN name or, if either is no ASCII letter or digit, of its hex form;
// "00" if there is no name.
func ja4ALPN(name []byte) [2]byte {
	if len(name) == 0 {
		return [2]byte{'0', '0'}
	}
	first, last := name[0], name[len(name)-1]
	if isAlnum(first) && isAlnum(last) {
		return [2]byte{first, last}
	}
	return [2]byte{hexDigits[first>>4], hexDigits[last&15]}
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// ja4Extensions appends the extensions that are hashed: without the two that differ with the destination.
func (c *ClientHello) ja4Extensions(list []uint16) []uint16 {
	for _, kind := range c.Extensions {
		if kind != extServerName && kind != extALPN {
			list = append(list, kind)
		}
	}
	return list
}

// ja4Hash appends the first 12 hex digits of the SHA-256 of a list, sorted, and of what follows it in its own order.
func ja4Hash(out []byte, list, then []uint16) []byte {
	if len(list) == 0 {
		return append(out, ja4Empty...)
	}
	var room [maxCiphers]uint16
	sorted := append(room[:0], list...)
	slices.Sort(sorted)
	var text [5 * (maxCiphers + maxSignatures)]byte
	hashed := ja4List(text[:0], sorted)
	if len(then) > 0 {
		hashed = ja4List(append(hashed, '_'), then)
	}
	sum := sha256.Sum256(hashed)
	return hex.AppendEncode(out, sum[:6])
}

// ja4List appends numbers in four hex digits each, separated by commas.
func ja4List(out []byte, numbers []uint16) []byte {
	for i, n := range numbers {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, hexDigits[n>>12], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15])
	}
	return out
}
