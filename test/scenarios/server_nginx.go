package scenarios

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nginxServer is nginx as one process in the foreground.
var nginxServer = serverStack{"nginx", func(t testing.TB, _ *Lab, port int, s serverSettings) []string {
	listen := "ssl"
	if s.proxy {
		listen = "ssl proxy_protocol"
	}
	return nginxArgv(t, port, listen, nginxTLS(s))
}}

// nginxPlain is nginx without TLS.
var nginxPlain = serverStack{"nginx-plain", func(t testing.TB, _ *Lab, port int, _ serverSettings) []string {
	return nginxArgv(t, port, "", "")
}}

const nginxConf = `
daemon off; master_process off; pid nginx.pid; error_log stderr info;
events {}
http {
	access_log off; client_header_timeout 5s;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen [::]:%d %s ipv6only=off;
		%s
		location / { return 200 "ok\n"; }
	}
}
`

func nginxArgv(t testing.TB, port int, listen, more string) []string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, port, listen, more), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"nginx", "-p", dir, "-c", conf, "-e", "stderr"}
}

// nginxTLS writes the directives of ngx_http_ssl_module.
func nginxTLS(s serverSettings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ssl_protocols %s;\n", nginxProtocols(s.versions))
	if s.cipher != anyCipher {
		fmt.Fprintf(&b, "ssl_ciphers %s; ssl_conf_command Ciphersuites %s;\n", s.cipher.openssl(), s.cipher.suite())
	}
	if s.clientCA != "" {
		fmt.Fprintf(&b, "ssl_verify_client on; ssl_client_certificate %q;\n", s.clientCA)
	}
	if s.sni != "" { // every name that no other server block knows comes here, and there is no other
		return b.String() + "ssl_reject_handshake on;\n"
	}
	fmt.Fprintf(&b, "ssl_certificate %q; ssl_certificate_key %q;\n", s.pair.cert, s.pair.key)
	return b.String()
}

func nginxProtocols(v versionRange) string {
	var p []string
	if v.has(tls.VersionTLS12) {
		p = append(p, "TLSv1.2")
	}
	if v.has(tls.VersionTLS13) {
		p = append(p, "TLSv1.3")
	}
	return strings.Join(p, " ")
}
