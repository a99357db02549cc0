package scenarios

import (
	"net"
	"strconv"
	"testing"
)

// opensslClient is openssl s_client, told to give up on a certificate that does not verify.
var opensslClient = clientStack{"openssl", "openssl", opensslArgv}

func opensslArgv(_ testing.TB, _ *Lab, port int, c clientSettings) []string {
	argv := []string{"openssl", "s_client", "-connect", net.JoinHostPort(c.host, strconv.Itoa(port)),
		"-servername", c.wanted(), "-verify_hostname", c.wanted(), "-verify", "4", "-verify_return_error", "-CAfile", c.ca}
	argv = append(argv, opensslVersions(c.versions)...)
	if c.pair.cert != "" {
		argv = append(argv, "-cert", c.pair.cert, "-key", c.pair.key)
	}
	if c.cipher != anyCipher {
		argv = append(argv, "-cipher", c.cipher.openssl(), "-ciphersuites", c.cipher.suite())
	}
	if c.alpn != "" {
		argv = append(argv, "-alpn", c.alpn)
	}
	return argv
}
