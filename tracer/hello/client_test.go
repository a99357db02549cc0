package hello

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientLeavesGREASEOut(t *testing.T) {
	c, err := ParseClient(offer{
		version: versionTLS12,
		ciphers: []uint16{0x0a0a, 0x1301, 0xfafa, 0xc02f},
		extensions: []extension{
			{0x1a1a, nil}, serverName("a.test"), alpn("\x2a\x2a", "h2"), versions(0x3a3a, 0x0303, 0x0304),
			groups(0x4a4a, 0x001d), keyShares(0x5a5a, 0x001d), signatures(0x6a6a, 0x0403), {0x7a7a, []byte{0}},
		},
	}.message())
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want any }{
		"ciphers":    {c.Ciphers, []uint16{0x1301, 0xc02f}},
		"extensions": {c.Extensions, []uint16{0, 16, 43, 10, 51, 13}},
		"ALPN":       {c.ALPN, []string{"h2"}},
		"versions":   {c.Versions, []uint16{0x0304, 0x0303}},
		"groups":     {c.Groups, []uint16{0x001d}},
		"key shares": {c.KeyShares, []uint16{0x001d}},
		"signatures": {c.Signatures, []uint16{0x0403}},
		"truncated":  {c.Truncated, false},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestClientWithoutSupportedVersionsOffersItsLegacyVersion(t *testing.T) {
	c, err := ParseClient(offer{version: versionTLS11, ciphers: []uint16{0x002f}}.message())
	if err != nil || !slices.Equal(c.Versions, []uint16{versionTLS11}) {
		t.Errorf("got %x, %v", c.Versions, err)
	}
}

func TestClientKeepsAtMost(t *testing.T) {
	var many []uint16
	var names []string
	for i := range 300 {
		many = append(many, uint16(0x4000+i))
		names = append(names, strings.Repeat("p", 100))
	}
	var exts []extension
	for i := range 100 {
		exts = append(exts, extension{uint16(0x5000 + i), nil})
	}
	for name, o := range map[string]offer{
		"ciphers":    {ciphers: many},
		"extensions": {extensions: exts},
		"names":      {extensions: []extension{serverName(strings.Repeat("s", 300)), alpn(names...)}},
		"numbers": {extensions: []extension{
			groups(many...), signatures(many...), versions(many[:100]...), keyShares(many...),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ParseClient(o.message())
			if err != nil {
				t.Fatal(err)
			}
			checkBounds(t, &c)
			if !c.Truncated {
				t.Error("a list was cut, and the hello is not marked")
			}
			if ja4 := c.JA4(); ja4 != "" {
				t.Errorf("JA4 %q of a part of a hello", ja4)
			}
		})
	}
}

// Whatever a peer sends, decoding it costs a bounded number of allocations.
func TestClientAllocations(t *testing.T) {
	var names []string
	for range 10000 {
		names = append(names, "\xff")
	}
	many := upTo(30000)
	for name, c := range map[string]struct {
		msg  []byte
		most float64
	}{
		"of a real hello":    {captured(t)["go126-pq"][0], 3},
		"of 10000 ALPN":      {offer{extensions: []extension{alpn(names...)}}.message(), 2*maxALPN + 8},
		"of 30000 numbers":   {offer{ciphers: many, extensions: []extension{groups(many...)}}.message(), 8},
		"of a length, alone": {[]byte{1, 1, 0xff, 0xff, 3, 3}, 0},
	} {
		if got := testing.AllocsPerRun(10, func() { _, _ = ParseClient(c.msg) }); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, c.most)
		}
	}
}

func checkBounds(t *testing.T, c *ClientHello) {
	t.Helper()
	for what, over := range map[string]bool{
		"ciphers": len(c.Ciphers) > 128, "extensions": len(c.Extensions) > 64, "versions": len(c.Versions) > 16,
		"groups": len(c.Groups) > 64, "key shares": len(c.KeyShares) > 16, "signatures": len(c.Signatures) > 64,
		"ALPN": len(c.ALPN) > 16, "SNI": len(c.SNI) > 3*255, // a byte that is no UTF-8 takes three
	} {
		if over {
			t.Errorf("more %s than are kept", what)
		}
	}
	for _, name := range c.ALPN {
		if len(name) > 3*64 {
			t.Errorf("ALPN name of %d bytes", len(name))
		}
	}
}

func TestClientNamesAreValidText(t *testing.T) {
	c, err := ParseClient(offer{extensions: []extension{serverName("a\xff\x1b[2Jb"), alpn("\xfe", "ok")}}.message())
	if err != nil {
		t.Fatal(err)
	}
	if want := "a\uFFFD\x1b[2Jb"; c.SNI != want {
		t.Errorf("SNI %q, want %q", c.SNI, want)
	}
	if diff := cmp.Diff([]string{"\uFFFD", "ok"}, c.ALPN); diff != "" {
		t.Error(diff)
	}
}

func TestClientErrors(t *testing.T) {
	whole := offer{version: versionTLS12, ciphers: []uint16{0x1301}, extensions: []extension{serverName("a.test")}}.message()
	with := func(exts ...extension) []byte {
		return offer{version: versionTLS12, ciphers: []uint16{0x1301}, extensions: exts}.message()
	}
	malformedThenCut := with(extension{extALPN, []byte{0, 9}}, serverName("a.test"))
	malformedThenCut = malformedThenCut[:len(malformedThenCut)-3]
	longer := bytes.Clone(whole)
	longer[3]++
	longer = append(longer, 0)
	for name, c := range map[string]struct {
		msg  []byte
		want error
	}{
		"nothing":                      {nil, ErrNotHello},
		"another message":              {[]byte{2, 0, 0, 0}, ErrNotHello},
		"text":                         {[]byte("GET / HTTP/1.1\r\n"), ErrNotHello},
		"no room for a version":        {[]byte{1, 0, 0, 1, 3}, ErrMalformed},
		"longer than a hello can be":   {[]byte{1, 0xff, 0xff, 0xff, 3, 3}, ErrMalformed},
		"version of another protocol":  {offer{version: 0x4854}.message(), ErrMalformed},
		"session id of 33 bytes":       {offer{session: make([]byte, 33)}.message(), ErrMalformed},
		"byte behind the extensions":   {longer, ErrMalformed},
		"odd list of groups":           {with(extension{extSupportedGroups, vector16([]byte{0, 29, 0})}), ErrMalformed},
		"list longer than extension":   {with(extension{extSupportedGroups, []byte{0, 4, 0, 29}}), ErrMalformed},
		"byte behind a list":           {with(extension{extSupportedVersions, []byte{2, 3, 4, 0}}), ErrMalformed},
		"name longer than its list":    {with(extension{extServerName, []byte{0, 4, 0, 0, 9, 'a'}}), ErrMalformed},
		"protocol longer than list":    {with(extension{extALPN, []byte{0, 2, 9, 'h'}}), ErrMalformed},
		"share longer than its list":   {with(extension{extKeyShare, []byte{0, 4, 0, 29, 0, 9}}), ErrMalformed},
		"malformed, then cut off":      {malformedThenCut, ErrMalformed},
		"the same extension twice":     {with(serverName("a.test"), serverName("b.test")), ErrMalformed},
		"one byte where a list begins": {with(extension{extALPN, []byte{0}}), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseClient(c.msg)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if !got.Truncated || got.JA4() != "" {
				t.Errorf("passes as a complete hello: %+v", got)
			}
		})
	}
}

func TestClientMalformedInsideKeepsTheRest(t *testing.T) {
	c, err := ParseClient(offer{
		version: versionTLS12, ciphers: []uint16{0x1301},
		extensions: []extension{{extSupportedGroups, []byte{0, 9}}, serverName("a.test"), serverName("b.test"), alpn("h2")},
	}.message())
	if !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v", err)
	}
	if c.SNI != "a.test" || !slices.Equal(c.ALPN, []string{"h2"}) || !slices.Equal(c.Ciphers, []uint16{0x1301}) {
		t.Errorf("lost what could be read: %+v", c)
	}
}

// A capture may end anywhere: what is left is a part of the whole, and says so.
func TestClientCutAnywhere(t *testing.T) {
	for name, pair := range captured(t) {
		whole, err := ParseClient(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n < len(pair[0]); n++ {
			part, err := ParseClient(pair[0][:n])
			if err != nil || !part.Truncated {
				t.Fatalf("%s cut at %d: %v, truncated %v", name, n, err, part.Truncated)
			}
			checkPart(t, &part, &whole)
			if t.Failed() {
				t.Fatalf("%s cut at %d", name, n)
			}
		}
	}
}

func checkPart(t *testing.T, part, whole *ClientHello) {
	t.Helper()
	for what, lists := range map[string][2][]uint16{
		"ciphers": {part.Ciphers, whole.Ciphers}, "extensions": {part.Extensions, whole.Extensions},
		"groups": {part.Groups, whole.Groups}, "shares": {part.KeyShares, whole.KeyShares},
		"signatures": {part.Signatures, whole.Signatures},
	} {
		if len(lists[0]) > len(lists[1]) || !slices.Equal(lists[0], lists[1][:len(lists[0])]) {
			t.Errorf("%s: %x is not the beginning of %x", what, lists[0], lists[1])
		}
	}
	for _, v := range part.Versions {
		if !slices.Contains(whole.Versions, v) {
			t.Errorf("version %x was not offered", v)
		}
	}
	if part.SNI != "" && part.SNI != whole.SNI {
		t.Errorf("SNI %q is not %q", part.SNI, whole.SNI)
	}
	if len(part.ALPN) > len(whole.ALPN) || !slices.Equal(part.ALPN, whole.ALPN[:len(part.ALPN)]) {
		t.Errorf("ALPN %q is not the beginning of %q", part.ALPN, whole.ALPN)
	}
	if part.JA4() != "" {
		t.Error("JA4 of a part")
	}
}

func TestClientIgnoresWhatFollows(t *testing.T) {
	msg := captured(t)["openssl30-tls13"][0]
	alone, _ := ParseClient(msg)
	followed, err := ParseClient(append(bytes.Clone(msg), 16, 0, 0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone, followed, cmp.AllowUnexported(ClientHello{}, SessionID{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseClient(f *testing.F) {
	for _, pair := range captured(f) {
		f.Add(pair[0])
		f.Add(pair[0][:len(pair[0])*2/3])
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := bytes.Clone(msg)
		c, err := ParseClient(msg)
		if err != nil && !errors.Is(err, ErrNotHello) && !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v is no sentinel", err)
		}
		if err != nil && !c.Truncated {
			t.Error("an error, and nothing is said to be missing")
		}
		if !bytes.Equal(msg, before) {
			t.Error("the input was changed")
		}
		checkBounds(t, &c)
		checkText(t, append(c.ALPN, c.SNI))
		if ja4 := c.JA4(); ja4 != "" && len(ja4) != ja4Bytes {
			t.Errorf("JA4 %q", ja4)
		}
		checkSameElsewhere(t, msg, &c)
	})
}

// checkSameElsewhere says that nothing was read beyond the message and that nothing refers to it.
func checkSameElsewhere(t *testing.T, msg []byte, first *ClientHello) {
	t.Helper()
	if first.Length == 0 || first.Length > len(msg) {
		return
	}
	clone := append(bytes.Clone(msg[:first.Length]), "trailing"...)
	again, _ := ParseClient(clone)
	clear(clone)
	if !reflect.DeepEqual(*first, again) {
		t.Errorf("depends on what follows, or refers to the input: %+v, then %+v", *first, again)
	}
}
