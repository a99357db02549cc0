package scenarios

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// apacheServer is Apache httpd as one process in the foreground.
var apacheServer = serverStack{"apache", func(t testing.TB, _ *Lab, port int, s serverSettings) []string {
	return apacheArgv(t, port, apacheTLS(s))
}}

// apacheConf answers every request with status 200 and a word, without files.
const apacheConf = `
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
ServerRoot "%[1]s"
DefaultRuntimeDir "%[1]s"
PidFile "%[1]s/apache.pid"
User nobody
Group nogroup
ServerName localhost
ErrorLog /dev/stderr
LogLevel info
Mutex posixsem
TimeOut 5
Listen [::]:%[2]d
RedirectMatch 200 ^
ErrorDocument 200 ok
SSLEngine on
SSLSessionCache none
%[3]s
`

func apacheArgv(t testing.TB, port int, directives string) []string {
	t.Helper()
	conf := writeConf(t, "apache.conf", "")
	rewrite(t, conf, fmt.Sprintf(apacheConf, filepath.Dir(conf), port, directives))
	return []string{"apache2", "-X", "-f", conf}
}

// apacheTLS writes the directives of mod_ssl.
func apacheTLS(s serverSettings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SSLProtocol -all")
	for _, p := range strings.Fields(nginxProtocols(s.versions)) {
		fmt.Fprintf(&b, " +%s", p)
	}
	fmt.Fprintf(&b, "\nSSLCertificateFile %q\nSSLCertificateKeyFile %q\n", s.pair.cert, s.pair.key)
	if s.cipher != anyCipher {
		fmt.Fprintf(&b, "SSLCipherSuite %s\nSSLCipherSuite TLSv1.3 %s\n", s.cipher.openssl(), s.cipher.suite())
	}
	if s.clientCA != "" {
		fmt.Fprintf(&b, "SSLVerifyClient require\nSSLCACertificateFile %q\n", s.clientCA)
	}
	return b.String()
}
