package libraries

import (
	"strconv"
	"strings"
	"testing"
)

// gnutls is gnutls-cli and gnutls-serv.
func gnutls(t testing.TB) program {
	return program{
		name: "GnuTLS 3.7", family: "gnutls", version: "3.7", file: linkedTo(t, debian+"libgnutls.so.30"), limits: gnutlsLimits,
		server: gnutlsServer, client: gnutlsClient,
	}
}

func gnutlsServer(s settings) []string {
	argv := []string{"gnutls-serv", "--http", "--port", strconv.Itoa(s.port),
		"--x509certfile", s.pair.cert, "--x509keyfile", s.pair.key, "--priority", gnutlsPriority(s)}
	if s.ca != "" {
		argv = append(argv, "--require-client-cert", "--verify-client-cert", "--x509cafile", s.ca)
	} else {
		argv = append(argv, "--disable-client-cert")
	}
	if s.alpn != "" {
		argv = append(argv, "--alpn", s.alpn, "--alpn-fatal")
	}
	return argv
}

func gnutlsClient(s settings) []string {
	argv := []string{"gnutls-cli", "--port", strconv.Itoa(s.port), "--x509cafile", s.ca, "--sni-hostname", serverName,
		"--verify-hostname", serverName, "--priority", gnutlsPriority(s)}
	if s.pair.cert != "" {
		argv = append(argv, "--x509certfile", s.pair.cert, "--x509keyfile", s.pair.key)
	}
	if s.alpn != "" {
		argv = append(argv, "--alpn", s.alpn)
	}
	return append(argv, "127.0.0.1")
}

// gnutlsPriority spells version and cipher as a GnuTLS priority string.
func gnutlsPriority(s settings) string {
	p := "NORMAL:-VERS-ALL:+VERS-TLS" + s.version
	if strings.Contains(s.cipher, "AES") {
		p += ":-CIPHER-ALL:+AES-256-GCM"
	}
	return p
}
