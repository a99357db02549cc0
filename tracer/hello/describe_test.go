package hello

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// decoded is the golden form of one captured pair of hellos: what Describe tells, and beside it what only the parsers do.
type decoded struct {
	TLS    *event.TLS   `json:"tls"`
	Client *clientFacts `json:"client,omitempty"`
	Server *serverFacts `json:"server,omitempty"`
}

type clientFacts struct {
	LegacyVersion string   `json:"legacy_version"`
	SessionID     int      `json:"session_id_bytes"`
	Extensions    string   `json:"extensions"`
	KeyShares     []string `json:"key_shares,omitempty"`
	Signatures    string   `json:"signature_algorithms,omitempty"`
	PSK           bool     `json:"psk,omitempty"`
}

type serverFacts struct {
	Length        int    `json:"length"`
	LegacyVersion string `json:"legacy_version"`
	SessionEchoed bool   `json:"session_echoed"`
	PSK           bool   `json:"psk,omitempty"`
	HelloRetry    bool   `json:"hello_retry,omitempty"`
}

func decode(t *testing.T, client, server []byte) decoded {
	t.Helper()
	d := decoded{TLS: Describe(client, server)}
	c, err := ParseClient(client)
	if err != nil {
		t.Errorf("client: %v", err)
	}
	shares, _ := spell(nil, c.KeyShares, GroupName)
	d.Client = &clientFacts{
		LegacyVersion: VersionName(c.LegacyVersion), SessionID: c.SessionID.Len(), Extensions: hexList(c.Extensions),
		KeyShares: shares, Signatures: hexList(c.Signatures), PSK: c.PSK,
	}
	if len(server) == 0 {
		return d
	}
	s, err := ParseServer(server)
	if err != nil {
		t.Errorf("server: %v", err)
	}
	d.Server = &serverFacts{
		Length: s.Length, LegacyVersion: VersionName(s.LegacyVersion),
		SessionEchoed: s.SessionID.Len() > 0 && s.SessionID == c.SessionID, PSK: s.PSK, HelloRetry: s.HelloRetry,
	}
	return d
}

func hexList(numbers []uint16) string {
	var out strings.Builder
	for i, n := range numbers {
		if i > 0 {
			out.WriteByte(' ')
		}
		fmt.Fprintf(&out, "%04x", n)
	}
	return out.String()
}

// captured reads the hellos of testdata: name, client's message, server's message or nothing.
func captured(t testing.TB) map[string][2][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.client")
	if err != nil || len(names) == 0 {
		t.Fatalf("no captured hellos in testdata: %v", err)
	}
	all := map[string][2][]byte{}
	for _, name := range names {
		name = strings.TrimSuffix(name, ".client")
		client, err := os.ReadFile(name + ".client")
		if err != nil {
			t.Fatal(err)
		}
		server, err := os.ReadFile(name + ".server")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = [2][]byte{client, server}
	}
	return all
}

func TestCapturedHellos(t *testing.T) {
	for name, pair := range captured(t) {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(decode(t, pair[0], pair[1]), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("decoded differently (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribeNeither(t *testing.T) {
	for name, pair := range map[string][2][]byte{
		"nothing":                {nil, nil},
		"text":                   {[]byte("GET / HTTP/1.1\r\n"), []byte("HTTP/1.1 400 Bad Request")},
		"headers only":           {{1, 0, 1}, {2}},
		"the wrong way round":    {choice{}.message(), offer{}.message()},
		"hello of another world": {offer{version: 0x4854}.message(), nil},
	} {
		if got := Describe(pair[0], pair[1]); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDescribeOneSideOnly(t *testing.T) {
	client := offer{version: versionTLS12, session: []byte("id"), ciphers: []uint16{0xc02f, 0x1a2b}}.message()
	server := choice{session: []byte("id"), cipher: 0xc02f}.message()
	if got, want := Describe(client, nil), (&event.TLS{
		OfferedVersions: []string{"TLS 1.2"}, OfferedCiphers: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "0x1a2b"},
		JA4: "t12i020000_fac2956d06a1_000000000000", HelloBytes: len(client),
	}); !cmp.Equal(want, got) {
		t.Errorf("client only (-want +got):\n%s", cmp.Diff(want, got))
	}
	if got, want := Describe(nil, server), (&event.TLS{
		Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	}); !cmp.Equal(want, got) {
		t.Errorf("server only (-want +got):\n%s", cmp.Diff(want, got))
	}
	if !Describe(client, server).Resumed {
		t.Error("the same session id in TLS 1.2, and not resumed")
	}
}

func TestDescribeResumption(t *testing.T) {
	psk := extension{extPreSharedKey, []byte{0, 0}}
	for name, c := range map[string]struct {
		client, server string
		extensions     []extension
		want           bool
	}{
		"TLS 1.2, id echoed":               {"id", "id", nil, true},
		"TLS 1.2, another id":              {"id", "new", nil, false},
		"TLS 1.2, longer id":               {"id", "id\x00", nil, false},
		"TLS 1.2, no ids":                  {"", "", nil, false},
		"TLS 1.3, id echoed, nothing else": {"id", "id", []extension{chosenVersion(versionTLS13)}, false},
		"TLS 1.3, PSK":                     {"id", "id", []extension{chosenVersion(versionTLS13), psk}, true},
	} {
		client := offer{version: versionTLS12, session: []byte(c.client)}.message()
		server := choice{session: []byte(c.server), cipher: 0x1301, extensions: c.extensions}.message()
		if got := Describe(client, server).Resumed; got != c.want {
			t.Errorf("%s: resumed %v", name, got)
		}
	}
}

func TestDescribeHelloRetry(t *testing.T) {
	retry := choice{random: retryRandom, cipher: 0x1301, extensions: []extension{
		chosenVersion(versionTLS13), {extKeyShare, numbers(0x0018)},
	}}.message()
	second := choice{cipher: 0x1301, extensions: []extension{
		chosenVersion(versionTLS13), {extKeyShare, append(numbers(0x0018), vector16([]byte("key"))...)}, {extPreSharedKey, []byte{0, 0}},
	}}.message()
	want := event.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Group: "secp384r1", HelloRetry: true}
	if got := Describe(nil, retry); !cmp.Equal(want, *got) {
		t.Errorf("request alone (-want +got):\n%s", cmp.Diff(want, *got))
	}
	if got := Describe(nil, append(retry, 2, 0)); !cmp.Equal(want, *got) {
		t.Errorf("request and a header (-want +got):\n%s", cmp.Diff(want, *got))
	}
	want.Resumed = true
	if got := Describe(nil, append(retry, second...)); !cmp.Equal(want, *got) {
		t.Errorf("request and hello (-want +got):\n%s", cmp.Diff(want, *got))
	}
}

func TestDescribeMalformedKeepsWhatWasRead(t *testing.T) {
	got := Describe(offer{version: versionTLS12, extensions: []extension{serverName("a.test"), {extALPN, []byte{0, 9}}}}.message(), nil)
	if got == nil || got.SNI != "a.test" || !got.Truncated || got.JA4 != "" {
		t.Errorf("%+v", got)
	}
}

func BenchmarkDescribe(b *testing.B) {
	all := captured(b)
	for _, name := range []string{"openssl30-tls13", "go126-pq", "curl788", "openssl30-tls12", "node20"} {
		client, server := all[name][0], all[name][1]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Describe(client, server)
			}
		})
	}
}
