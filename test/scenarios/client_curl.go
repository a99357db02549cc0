package scenarios

import (
	"fmt"
	"net"
	"strconv"
	"testing"
)

// curlClient is curl on OpenSSL.
var curlClient = clientStack{"curl", "curl", curlArgv}

func curlArgv(_ testing.TB, _ *Lab, port int, c clientSettings) []string {
	host := c.host
	if net.ParseIP(host).To4() == nil {
		host = "[" + host + "]"
	}
	argv := []string{"curl", "-sSv", "--http1.1", "--max-time", "10", "--cacert", c.ca,
		"--tlsv" + number(c.versions.min), "--tls-max", number(c.versions.max),
		"--resolve", fmt.Sprintf("%s:%d:%s", c.wanted(), port, host)}
	if c.pair.cert != "" {
		argv = append(argv, "--cert", c.pair.cert, "--key", c.pair.key)
	}
	if c.cipher != anyCipher {
		argv = append(argv, "--ciphers", c.cipher.openssl(), "--tls13-ciphers", c.cipher.suite())
	}
	return append(argv, "https://"+net.JoinHostPort(c.wanted(), strconv.Itoa(port))+"/")
}
