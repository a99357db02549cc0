package scenarios

import (
	"net"
	"strconv"
	"testing"
)

// boringsslServer and boringsslClient are BoringSSL's own tool. Its server judges no client's certificate and insists on no name or
// protocol; its client looks at no name, and has no choice of cipher in TLS 1.3.
var (
	boringsslServer = serverStack{"boringssl", boringsslServerArgv}
	boringsslClient = clientStack{"boringssl", "bssl-tool", boringsslClientArgv}
)

func boringsslServerArgv(_ testing.TB, _ *Lab, port int, s serverSettings) []string {
	argv := []string{"bssl-tool", "server", "-accept", strconv.Itoa(port), "-cert", s.pair.cert, "-key", s.pair.key, "-loop", "-www"}
	return append(argv, boringsslTLS(s.versions, s.cipher)...)
}

func boringsslClientArgv(_ testing.TB, _ *Lab, port int, c clientSettings) []string {
	argv := []string{"bssl-tool", "client", "-connect", net.JoinHostPort(c.host, strconv.Itoa(port)), "-server-name", c.wanted(),
		"-root-certs", c.ca}
	if c.pair.cert != "" {
		argv = append(argv, "-cert", c.pair.cert, "-key", c.pair.key)
	}
	if c.alpn != "" {
		argv = append(argv, "-alpn-protos", c.alpn)
	}
	return append(argv, boringsslTLS(c.versions, c.cipher)...)
}

func boringsslTLS(v versionRange, c cipher) []string {
	argv := []string{"-min-version", "tls" + number(v.min), "-max-version", "tls" + number(v.max)}
	if c != anyCipher {
		argv = append(argv, "-cipher", c.openssl())
	}
	return argv
}
