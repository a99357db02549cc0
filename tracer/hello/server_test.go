package hello

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chosenVersion is supported_versions as a server sends it.
func chosenVersion(v uint16) extension { return extension{extSupportedVersions, numbers(v)} }

func TestServerChoices(t *testing.T) {
	share := extension{extKeyShare, append(numbers(0x001d), vector16([]byte("key"))...)}
	for name, c := range map[string]struct {
		choice choice
		want   ServerHello
	}{
		"TLS 1.2": {
			choice{cipher: 0xc02f, extensions: []extension{alpn("h2")}},
			ServerHello{Version: versionTLS12, Cipher: 0xc02f, ALPN: "h2"},
		},
		"TLS 1.2 without extensions": {
			choice{cipher: 0xc02f},
			ServerHello{Version: versionTLS12, Cipher: 0xc02f},
		},
		"TLS 1.3": {
			choice{cipher: 0x1301, extensions: []extension{share, chosenVersion(versionTLS13)}},
			ServerHello{Version: versionTLS13, Cipher: 0x1301, Group: 0x001d},
		},
		"TLS 1.3 with a PSK": {
			choice{cipher: 0x1301, extensions: []extension{share, {extPreSharedKey, []byte{0, 0}}, chosenVersion(versionTLS13)}},
			ServerHello{Version: versionTLS13, Cipher: 0x1301, Group: 0x001d, PSK: true},
		},
		"HelloRetryRequest": {
			choice{random: retryRandom, cipher: 0x1301, extensions: []extension{chosenVersion(versionTLS13), {extKeyShare, numbers(0x18)}}},
			ServerHello{Version: versionTLS13, Cipher: 0x1301, Group: 0x18, HelloRetry: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			msg := c.choice.message()
			got, err := ParseServer(append(msg, 11, 0, 1, 0)) // a Certificate follows in TLS 1.2
			if err != nil {
				t.Fatal(err)
			}
			c.want.Length, c.want.LegacyVersion = len(msg), versionTLS12
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(SessionID{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestServerErrors(t *testing.T) {
	with := func(e extension) []byte { return choice{cipher: 0x1301, extensions: []extension{e}}.message() }
	for name, c := range map[string]struct {
		msg  []byte
		want error
	}{
		"nothing":                    {nil, ErrNotHello},
		"ClientHello":                {offer{}.message(), ErrNotHello},
		"empty":                      {[]byte{2, 0, 0, 0}, ErrMalformed},
		"version of something else":  {append([]byte{2, 0, 0, 38, 9, 9}, make([]byte, 36)...), ErrMalformed},
		"session id of 33 bytes":     {choice{session: make([]byte, 33)}.message(), ErrMalformed},
		"version of one byte":        {with(extension{extSupportedVersions, []byte{3}}), ErrMalformed},
		"version of three bytes":     {with(extension{extSupportedVersions, []byte{3, 4, 0}}), ErrMalformed},
		"share without its key":      {with(extension{extKeyShare, []byte{0, 29}}), ErrMalformed},
		"key longer than its share":  {with(extension{extKeyShare, []byte{0, 29, 0, 9, 1}}), ErrMalformed},
		"protocol longer than list":  {with(extension{extALPN, []byte{0, 2, 9, 'h'}}), ErrMalformed},
		"empty list of protocols":    {with(extension{extALPN, []byte{0, 0}}), ErrMalformed},
		"longer than a hello can be": {[]byte{2, 9, 0, 0, 3, 3}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseServer(c.msg); !errors.Is(err, c.want) || !got.Truncated {
				t.Errorf("error %v, want %v; truncated %v", err, c.want, got.Truncated)
			}
		})
	}
}

// Wherever the capture ends, a value that is told is the right one.
func TestServerCutAnywhere(t *testing.T) {
	for name, pair := range captured(t) {
		whole, err := ParseServer(pair[1])
		if errors.Is(err, ErrNotHello) {
			continue // the server answered with an alert
		}
		for n := 1; n < whole.Length; n++ {
			part, err := ParseServer(pair[1][:n])
			if err != nil || !part.Truncated {
				t.Fatalf("%s cut at %d: %v, truncated %v", name, n, err, part.Truncated)
			}
			for what, v := range map[string][2]uint16{
				"version": {part.Version, whole.Version}, "cipher": {part.Cipher, whole.Cipher}, "group": {part.Group, whole.Group},
			} {
				if v[0] != 0 && v[0] != v[1] {
					t.Fatalf("%s cut at %d: %s %04x, is %04x", name, n, what, v[0], v[1])
				}
			}
		}
	}
}

func TestServerVersionOfACutHelloFollowsFromTheSuite(t *testing.T) {
	share := append(numbers(0x11ec), vector16(make([]byte, 1120))...)
	for _, c := range []struct {
		cipher, want uint16
	}{{0x1302, versionTLS13}, {0x00c6, versionTLS13}, {0xc0b4, versionTLS13}, {0xc030, versionTLS12}} {
		msg := choice{cipher: c.cipher, extensions: []extension{{extKeyShare, share}, chosenVersion(versionTLS13)}}.message()
		got, err := ParseServer(msg[:384])
		if err != nil || got.Version != c.want {
			t.Errorf("suite %04x: version %04x, %v; want %04x", c.cipher, got.Version, err, c.want)
		}
	}
}

func FuzzParseServer(f *testing.F) {
	for _, pair := range captured(f) {
		f.Add(pair[1])
		f.Add(pair[1][:len(pair[1])*2/3])
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := bytes.Clone(msg)
		s, err := ParseServer(msg)
		if err != nil && !errors.Is(err, ErrNotHello) && !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v is no sentinel", err)
		}
		if err != nil && !s.Truncated {
			t.Error("an error, and nothing is said to be missing")
		}
		if !bytes.Equal(msg, before) {
			t.Error("the input was changed")
		}
		checkText(t, []string{s.ALPN})
		if len(s.ALPN) > 3*maxALPNBytes {
			t.Errorf("ALPN of %d bytes", len(s.ALPN))
		}
		if s.Length > 0 && s.Length <= len(msg) {
			if alone, _ := ParseServer(msg[:s.Length]); alone != s {
				t.Errorf("depends on what follows: %+v, alone %+v", s, alone)
			}
		}
		described := Describe(nil, msg)
		if (described == nil) != (s.LegacyVersion == 0) {
			t.Errorf("described as %+v, parsed as %+v", described, s)
		}
	})
}
