package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// haproxyServer is haproxy as one process in the foreground, which answers by itself.
var haproxyServer = serverStack{"haproxy", haproxyArgv}

const haproxyConf = `
global
	log stdout format raw local0 info
defaults
	mode http
	timeout client 5s
	timeout http-request 2s
frontend lab
	log global
	error-log-format "refused: %%[ssl_fc_err_str], verify error %%[ssl_c_err]"
	bind :::%d v4v6 ssl crt %q %s
	http-request return status 200 content-type text/plain string "ok\n"
`

func haproxyArgv(t testing.TB, _ *Lab, port int, s serverSettings) []string {
	t.Helper()
	both := writeConf(t, "pair.pem", contents(t, s.pair.cert)+contents(t, s.pair.key))
	conf := writeConf(t, "haproxy.cfg", fmt.Sprintf(haproxyConf, port, both, strings.Join(haproxyTLS(s), " ")))
	return []string{"haproxy", "-db", "-f", conf}
}

// haproxyTLS are the parameters of bind.
func haproxyTLS(s serverSettings) []string {
	p := []string{"ssl-min-ver", "TLSv" + number(s.versions.min), "ssl-max-ver", "TLSv" + number(s.versions.max)}
	if s.cipher != anyCipher {
		p = append(p, "ciphers", s.cipher.openssl(), "ciphersuites", s.cipher.suite())
	}
	if s.clientCA != "" {
		p = append(p, "ca-file", fmt.Sprintf("%q", s.clientCA), "verify", "required")
	}
	if s.sni != "" { // a name is known if a certificate holds it
		p = append(p, "strict-sni")
	}
	return p
}
