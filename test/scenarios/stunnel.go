package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// stunnelServer takes TLS off in front of a shell script; stunnelClient puts it on what it is told on its standard input.
var (
	stunnelServer = serverStack{"stunnel", stunnelServerArgv}
	stunnelClient = clientStack{"stunnel", "stunnel4", stunnelClientArgv}
)

const stunnelConf = `
foreground = yes
pid =
syslog = no
debug = info
`

func stunnelServerArgv(t testing.TB, l *Lab, port int, s serverSettings) []string {
	t.Helper()
	conf := stunnelConf + fmt.Sprintf("[lab]\naccept = :::%d\ncert = %s\nkey = %s\nexec = /bin/sh\nexecArgs = sh %s\n",
		port, s.pair.cert, s.pair.key, l.peer("answer.sh"))
	if s.clientCA != "" {
		conf += "verifyChain = yes\nCAfile = " + s.clientCA + "\n"
	}
	return []string{"stunnel4", writeConf(t, "stunnel.conf", conf+stunnelTLS(s.versions, s.cipher))}
}

func stunnelClientArgv(t testing.TB, _ *Lab, port int, c clientSettings) []string {
	t.Helper()
	conf := stunnelConf + fmt.Sprintf("client = yes\nconnect = %s:%d\n", c.host, port) +
		"verifyChain = yes\nCAfile = " + c.ca + "\nsni = " + c.wanted() + "\ncheckHost = " + c.wanted() + "\n"
	if c.pair.cert != "" {
		conf += "cert = " + c.pair.cert + "\nkey = " + c.pair.key + "\n"
	}
	return []string{"stunnel4", writeConf(t, "stunnel.conf", conf+stunnelTLS(c.versions, c.cipher))}
}

func stunnelTLS(v versionRange, c cipher) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sslVersionMin = TLSv%s\nsslVersionMax = TLSv%s\n", number(v.min), number(v.max))
	if c != anyCipher {
		fmt.Fprintf(&b, "ciphers = %s\nciphersuites = %s\n", c.openssl(), c.suite())
	}
	return b.String()
}
