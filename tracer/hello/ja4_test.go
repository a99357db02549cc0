package hello

import "testing"

// The example in FoxIO's specification of JA4, technical_details/JA4.md: ciphers and extensions in the order of its JA4_ro, with
// GREASE put in between, which has to be ignored.
var (
	specCiphers = []uint16{
		0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
	}
	specSignatures = signatures(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
)

func specExtensions(sni, protocols, sigs extension) []extension {
	return []extension{
		{0x4a4a, nil}, {0x001b, nil}, sni, keyShares(0x9a9a, 0x001d), protocols, {0x4469, nil}, {0x0017, nil}, {0x002d, nil}, sigs,
		{0x0005, nil}, {0x0023, nil}, {0x0012, nil}, versions(0xdada, 0x0304, 0x0303), {0xff01, nil}, {0x000b, nil}, groups(0x001d),
		{0xbaba, []byte{0}}, {0x0015, nil},
	}
}

func TestJA4PublishedExample(t *testing.T) {
	c, err := ParseClient(offer{
		version: versionTLS12, ciphers: specCiphers,
		extensions: specExtensions(serverName("example.com"), alpn("h2", "http/1.1"), specSignatures),
	}.message())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.JA4(), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Without signature algorithms the hashed string ends without an underscore: the specification gives 6d807ffa2a79 for the
// example's extensions. An extension that carries none keeps its number in the list.
func TestJA4PublishedExampleWithoutSignatures(t *testing.T) {
	c, err := ParseClient(offer{
		version: versionTLS12, ciphers: specCiphers,
		extensions: specExtensions(serverName("example.com"), alpn("h2"), signatures()),
	}.message())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.JA4(), "t13d1516h2_8daaf6152771_6d807ffa2a79"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The hashes of the lists here are those of sha256sum (printf 1301 | sha256sum | cut -c1-12).
func TestJA4Parts(t *testing.T) {
	for name, c := range map[string]struct {
		offer offer
		want  string
	}{
		"nothing":            {offer{}, "s3i000000_000000000000_000000000000"},
		"TLS 1.2":            {offer{version: versionTLS12}, "12i000000_000000000000_000000000000"},
		"TLS 1.1":            {offer{version: versionTLS11}, "11i000000_000000000000_000000000000"},
		"TLS 1.0":            {offer{version: versionTLS10}, "10i000000_000000000000_000000000000"},
		"unknown version":    {offer{version: 0x03ff}, "00i000000_000000000000_000000000000"},
		"name only":          {offer{extensions: []extension{serverName("a")}}, "s3d000100_000000000000_000000000000"},
		"name and protocol":  {offer{extensions: []extension{serverName("a"), alpn("http/1.1")}}, "s3d0002h1_000000000000_000000000000"},
		"empty ALPN name":    {offer{extensions: []extension{alpn("", "h2")}}, "s3i000100_000000000000_000000000000"},
		"no ALPN name":       {offer{extensions: []extension{alpn()}}, "s3i000100_000000000000_000000000000"},
		"100 cipher suites":  {offer{ciphers: upTo(100)}, "s3i990000_3740b8cc3a10_000000000000"},
		"one cipher suite":   {offer{ciphers: []uint16{0x1301}}, "s3i010000_0f2cb44170f4_000000000000"},
		"one extension only": {offer{extensions: []extension{{0x0017, nil}}}, "s3i000100_000000000000_1ca028f07214"},
	} {
		t.Run(name, func(t *testing.T) {
			hello, err := ParseClient(c.offer.message())
			if err != nil {
				t.Fatal(err)
			}
			if got := hello.JA4(); got != "t"+c.want {
				t.Errorf("got %s, want t%s", got, c.want)
			}
		})
	}
}

func upTo(n int) []uint16 {
	all := make([]uint16, n)
	for i := range all {
		all[i] = uint16(i)
	}
	return all
}

// The table of the specification, section "ALPN Extension Value".
func TestJA4ALPN(t *testing.T) {
	for name, want := range map[string]string{
		"": "00", "h2": "h2", "http/1.1": "h1", "x": "xx", "\xab": "ab", "\x20": "20", "\xab\xcd": "ad", "\x20\x61": "21",
		"\x30\xab": "3b", "\x61\x20": "60", "\x30\x31\xab\xcd": "3d", "\x30\xab\xcd\x31": "01",
	} {
		if got := ja4ALPN([]byte(name)); string(got[:]) != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
