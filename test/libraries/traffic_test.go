package libraries

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plainNginx is a healthy server of nginx, one process; with clientCA it verifies its clients.
func (l *lab) plainNginx(t *testing.T, clientCA string) int {
	t.Helper()
	port := l.ports.free(t)
	verify := ""
	if clientCA != "" {
		verify = fmt.Sprintf("ssl_verify_client on; ssl_client_certificate %q;", clientCA)
	}
	l.startNginx(t, fmt.Sprintf(nginxHead+`keepalive_requests 1000000;
server { listen 127.0.0.1:%d ssl; ssl_certificate %q; ssl_certificate_key %q; %s
location / { return 200 "ok\n"; } } }
`, port, l.pki.ok.cert, l.pki.ok.key, verify), port)
	return port
}

// goServer is a healthy server on crypto/tls.
func (l *lab) goServer(t *testing.T, clientCA string) int {
	t.Helper()
	return l.serve(t, func(port int) []string {
		argv := []string{l.gopeer, "server", "--port", strconv.Itoa(port), "--cert", l.pki.ok.cert, "--key", l.pki.ok.key}
		if clientCA != "" {
			argv = append(argv, "--client-ca", clientCA)
		}
		return argv
	}).port
}

// load makes healthy handshakes from Go, 20 at a time.
func (l *lab) load(t *testing.T, port, count int, flags ...string) {
	t.Helper()
	argv := []string{l.gopeer, "load", "--port", strconv.Itoa(port), "--ca", l.pki.ca, "--count", strconv.Itoa(count),
		"--parallel", "20", "--cert", l.pki.clientOK.cert, "--key", l.pki.clientOK.key}
	p := start(t, "", append(argv, flags...)...)
	if err := p.wait(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if !p.cmd.ProcessState.Success() {
		t.Fatalf("a healthy handshake failed: %s", p.out)
	}
}

// curl makes healthy handshakes, one for each request.
func (l *lab) curl(t *testing.T, port, count int) {
	t.Helper()
	out, err := exec.Command("curl", "-sS", "--http1.1", "-H", "Connection: close", "--cacert", l.pki.ca, "--no-sessionid",
		fmt.Sprintf("https://localhost:%d/[1-%d]", port, count)).CombinedOutput()
	if n := strings.Count(string(out), "ok\n"); err != nil || n != count {
		t.Fatalf("%d of %d requests were answered: %v: %.500s", n, count, err, out)
	}
}
