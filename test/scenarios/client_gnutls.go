package scenarios

import (
	"strconv"
	"testing"
)

// gnutlsClient is gnutls-cli.
var gnutlsClient = clientStack{"gnutls", "gnutls-cli", gnutlsArgv}

func gnutlsArgv(_ testing.TB, _ *Lab, port int, c clientSettings) []string {
	argv := []string{"gnutls-cli", "--port", strconv.Itoa(port), "--x509cafile", c.ca, "--sni-hostname", c.wanted(),
		"--verify-hostname", c.wanted(), "--priority", gnutlsPriority(c.versions, c.cipher)}
	if c.pair.cert != "" {
		argv = append(argv, "--x509certfile", c.pair.cert, "--x509keyfile", c.pair.key)
	}
	if c.alpn != "" {
		argv = append(argv, "--alpn", c.alpn)
	}
	return append(argv, c.host)
}
