package scenarios

import (
	"strconv"
	"testing"
)

// opensslServer is openssl s_server.
var opensslServer = serverStack{"openssl", opensslServerArgv}

func opensslServerArgv(_ testing.TB, _ *Lab, port int, s serverSettings) []string {
	argv := []string{"openssl", "s_server", "-accept", strconv.Itoa(port), "-cert", s.pair.cert, "-key", s.pair.key, "-www"}
	argv = append(argv, opensslVersions(s.versions)...)
	if s.clientCA != "" {
		argv = append(argv, "-Verify", "4", "-verify_return_error", "-CAfile", s.clientCA)
	}
	if s.cipher != anyCipher {
		argv = append(argv, "-cipher", s.cipher.openssl(), "-ciphersuites", s.cipher.suite())
	}
	if s.alpn != "" {
		argv = append(argv, "-alpn", s.alpn)
	}
	if s.sni != "" {
		argv = append(argv, "-servername", s.sni, "-servername_fatal", "-cert2", s.pair.cert, "-key2", s.pair.key)
	}
	return argv
}

// opensslVersions names both ends of the range: with -no_tls1_2 a client would offer TLS 1.0 and 1.1.
func opensslVersions(v versionRange) []string {
	return []string{"-min_protocol", "TLSv" + number(v.min), "-max_protocol", "TLSv" + number(v.max)}
}
