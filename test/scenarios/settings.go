package scenarios

import "crypto/tls"

// cipher is a cipher that one end insists on. Each program spells it in its own way.
type cipher int

const (
	anyCipher cipher = iota
	aes128
	aes256
)

// openssl spells the suite for TLS 1.2.
func (c cipher) openssl() string {
	return [...]string{"", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}[c]
}

// iana spells the suite for TLS 1.2 as IANA registers it, and Java.
func (c cipher) iana() string {
	return [...]string{"", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}[c]
}

// suite spells the suite for TLS 1.3.
func (c cipher) suite() string {
	return [...]string{"", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}[c]
}

func (c cipher) gnutls() string { return [...]string{"", "AES-128-GCM", "AES-256-GCM"}[c] }

// versionRange is what one end speaks; both ends of it are tls.VersionTLS12 or tls.VersionTLS13.
type versionRange struct{ min, max uint16 }

// anyVersion is what programs speak by default.
var anyVersion = versionRange{tls.VersionTLS12, tls.VersionTLS13}

func only(v uint16) versionRange { return versionRange{v, v} }

// has says whether v is in the range.
func (r versionRange) has(v uint16) bool { return r.min <= v && v <= r.max }

// number spells a version as most programs do: "1.2".
func number(v uint16) string {
	if v == tls.VersionTLS12 {
		return "1.2"
	}
	return "1.3"
}

// serverSettings is how a server is set up, for every program alike.
type serverSettings struct {
	pair     keyPair
	clientCA string // a client certificate by this CA is required
	versions versionRange
	cipher   cipher
	alpn     string // the only protocol; clients that offer others are refused
	sni      string // the only name; clients that ask for others are refused
	netns    string // network namespace to run in; empty: the test's own
	proxy    bool   // a PROXY protocol header comes before TLS (nginx only)
}

// clientSettings is how a client is set up, for every program alike.
type clientSettings struct {
	host     string // address to connect to
	netns    string // network namespace to run in; empty: the test's own
	name     string // name to ask for and to verify; serverName if empty
	ca       string
	pair     keyPair // its own certificate
	versions versionRange
	cipher   cipher
	alpn     string
}

func (c clientSettings) wanted() string {
	if c.name != "" {
		return c.name
	}
	return serverName
}
