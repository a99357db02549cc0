package mesh_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// nginxConf is nginx as a sidecar: plain HTTP of the application becomes mutual TLS, and the other way round.
const nginxConf = `
daemon off; master_process off; pid nginx.pid; error_log stderr info;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen %d;
		location / {
			proxy_pass https://%s;
			proxy_ssl_server_name on; proxy_ssl_name %s; proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_session_reuse off;
			proxy_ssl_trusted_certificate %s; proxy_ssl_verify on;
			%s
		}
	}
	server {
		listen %d ssl; ssl_protocols TLSv1.2 TLSv1.3;
		ssl_certificate %s; ssl_certificate_key %s; ssl_client_certificate %s; ssl_verify_client on;
		location / { proxy_pass http://127.0.0.1:%d; }
	}
}
`

// nginx starts nginx as the pod's sidecar, under a user of its own.
func (p *pod) nginx(s proxySettings) *process {
	p.t.Helper()
	dir := publicDir(p.t)
	conf := filepath.Join(dir, "nginx.conf")
	own := ""
	if s.cert != "" {
		own = fmt.Sprintf("proxy_ssl_certificate %s; proxy_ssl_certificate_key %s;", s.cert, s.key)
	}
	must(p.t, os.WriteFile(conf, fmt.Appendf(nil, nginxConf, s.outbound, s.endpoint, istioSNI, s.ca, own,
		s.inbound, s.cert, s.key, s.ca, appPort), 0o644))
	must(p.t, os.Chown(dir, proxyUID, proxyUID))
	uid := strconv.Itoa(proxyUID)
	argv := "setpriv --reuid " + uid + " --regid " + uid + " --clear-groups --pdeathsig KILL nginx -p " + dir + " -c " + conf + " -e stderr"
	return p.start(nil, strings.Fields(argv)...)
}
