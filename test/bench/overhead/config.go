package main

import "fmt"

// nginxHead is one process of nginx that resumes no session.
const nginxHead = `daemon off; master_process off; pid nginx.pid; error_log stderr error;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000000;
	ssl_certificate %[1]q; ssl_certificate_key %[2]q; ssl_session_tickets off; ssl_session_cache off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
`

func serverConf(p pki, port int) string {
	return fmt.Sprintf(nginxHead, p.cert, p.key) + fmt.Sprintf(`
	server { listen 127.0.0.1:%d ssl; location / { return 200 "ok\n"; } }
}
`, port)
}

// proxyPorts is where a proxy listens, for each way to use it.
type proxyPorts struct{ lean, keepAlive, logged, handshakes, loggedHandshakes int }

// nginxConf is a proxy that verifies the server, as sidecars do. What logs has the same cost apart from its log; nginx tells of failed handshakes
// at the level info.
func nginxConf(p pki, server int, at proxyPorts, log string) string {
	return fmt.Sprintf(nginxHead, p.cert, p.key) + fmt.Sprintf(`
	upstream kept { server 127.0.0.1:%[1]d; keepalive 64; keepalive_requests 1000000000; }
	proxy_ssl_verify on; proxy_ssl_trusted_certificate %[2]q; proxy_ssl_name %[3]s; proxy_ssl_server_name on;
	proxy_ssl_session_reuse off; proxy_ssl_protocols TLSv1.2 TLSv1.3;
	proxy_http_version 1.1;
	server { listen 127.0.0.1:%[4]d ssl; location / { return 200 "ok\n"; } }
	server { listen 127.0.0.1:%[5]d ssl; location / { proxy_pass https://kept; proxy_set_header Connection ""; } }
	server { listen 127.0.0.1:%[6]d ssl; location / { proxy_pass https://kept; proxy_set_header Connection ""; }
		access_log %[8]q; error_log %[8]q info; }
	server { listen 127.0.0.1:%[7]d ssl; location / { proxy_pass https://127.0.0.1:%[1]d; proxy_set_header Connection close; } }
	server { listen 127.0.0.1:%[9]d ssl; location / { proxy_pass https://127.0.0.1:%[1]d; proxy_set_header Connection close; }
		access_log %[8]q; error_log %[8]q info; }
}
`, server, p.cert, serverName, at.lean, at.keepAlive, at.logged, at.handshakes, log, at.loggedHandshakes)
}

// haproxyConf is the same with haproxy, which keeps apart by backend what it reuses.
func haproxyConf(p pki, server int, at proxyPorts) string {
	return fmt.Sprintf(`global
	nbthread 1
	maxconn 1024
	tune.ssl.cachesize 0
	ssl-default-bind-options no-tls-tickets
defaults
	mode http
	timeout connect 10s
	timeout client 60s
	timeout server 60s
	default-server ssl verify required ca-file %[1]s sni str(%[2]s) verifyhost %[2]s no-ssl-reuse
frontend kept
	bind 127.0.0.1:%[5]d ssl crt %[3]s
	default_backend kept
backend kept
	http-reuse always
	server s 127.0.0.1:%[4]d
frontend once
	bind 127.0.0.1:%[6]d ssl crt %[3]s
	option httpclose
	default_backend once
backend once
	http-reuse never
	server s 127.0.0.1:%[4]d
`, p.cert, serverName, p.both, server, at.keepAlive, at.handshakes)
}
