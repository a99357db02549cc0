package scenarios

import (
	"crypto/tls"
	"strconv"
	"testing"
)

// gnutlsServer is gnutls-serv.
var gnutlsServer = serverStack{"gnutls", gnutlsServerArgv}

func gnutlsServerArgv(_ testing.TB, _ *Lab, port int, s serverSettings) []string {
	argv := []string{"gnutls-serv", "--http", "--port", strconv.Itoa(port),
		"--x509certfile", s.pair.cert, "--x509keyfile", s.pair.key, "--priority", gnutlsPriority(s.versions, s.cipher)}
	if s.clientCA != "" {
		argv = append(argv, "--require-client-cert", "--verify-client-cert", "--x509cafile", s.clientCA)
	} else {
		argv = append(argv, "--disable-client-cert")
	}
	if s.alpn != "" {
		argv = append(argv, "--alpn", s.alpn, "--alpn-fatal")
	}
	if s.sni != "" {
		argv = append(argv, "--sni-hostname", s.sni, "--sni-hostname-fatal")
	}
	return argv
}

// gnutlsPriority spells versions and cipher as a GnuTLS priority string.
func gnutlsPriority(v versionRange, c cipher) string {
	p := "NORMAL:-VERS-ALL"
	if v.has(tls.VersionTLS13) {
		p += ":+VERS-TLS1.3"
	}
	if v.has(tls.VersionTLS12) {
		p += ":+VERS-TLS1.2"
	}
	if c != anyCipher {
		p += ":-CIPHER-ALL:+" + c.gnutls()
	}
	return p
}
