package hello

import "golang.org/x/crypto/cryptobyte"

// offer is a ClientHello to be built for a test; the zero value is the smallest one.
type offer struct {
	version    uint16
	session    []byte
	ciphers    []uint16
	extensions []extension
}

type extension struct {
	kind uint16
	body []byte
}

func (o offer) message() []byte {
	var b cryptobyte.Builder
	b.AddUint8(typeClientHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(max(o.version, versionSSL30))
		b.AddBytes(make([]byte, randomBytes))
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(o.session) })
		b.AddBytes(vector16(numbers(o.ciphers...)))
		b.AddBytes([]byte{1, 0})
		if o.extensions != nil {
			b.AddBytes(extensionBlock(o.extensions))
		}
	})
	return b.BytesOrPanic()
}

// choice is a ServerHello to be built for a test.
type choice struct {
	random     string
	session    []byte
	cipher     uint16
	extensions []extension
}

func (c choice) message() []byte {
	var b cryptobyte.Builder
	b.AddUint8(typeServerHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(versionTLS12)
		random := make([]byte, randomBytes)
		copy(random, c.random)
		b.AddBytes(random)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.session) })
		b.AddUint16(c.cipher)
		b.AddUint8(0)
		if c.extensions != nil {
			b.AddBytes(extensionBlock(c.extensions))
		}
	})
	return b.BytesOrPanic()
}

func extensionBlock(all []extension) []byte {
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, e := range all {
			b.AddUint16(e.kind)
			b.AddBytes(vector16(e.body))
		}
	})
	return b.BytesOrPanic()
}

func numbers(all ...uint16) []byte {
	var out []byte
	for _, n := range all {
		out = append(out, byte(n>>8), byte(n))
	}
	return out
}

func vector8(body []byte) []byte {
	return append([]byte{byte(len(body))}, body...)
}

func vector16(body []byte) []byte {
	return append(numbers(uint16(len(body))), body...)
}

func serverName(name string) extension {
	return extension{extServerName, vector16(append([]byte{0}, vector16([]byte(name))...))}
}

func alpn(names ...string) extension {
	var list []byte
	for _, name := range names {
		list = append(list, vector8([]byte(name))...)
	}
	return extension{extALPN, vector16(list)}
}

func groups(all ...uint16) extension {
	return extension{extSupportedGroups, vector16(numbers(all...))}
}

func signatures(all ...uint16) extension {
	return extension{extSignatureAlgorithms, vector16(numbers(all...))}
}

func versions(all ...uint16) extension {
	return extension{extSupportedVersions, vector8(numbers(all...))}
}

func keyShares(all ...uint16) extension {
	var list []byte
	for _, group := range all {
		list = append(list, numbers(group)...)
		list = append(list, vector16([]byte("key"))...)
	}
	return extension{extKeyShare, vector16(list)}
}
