package libraries

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// crowdSize is how many connections are made at once.
const crowdSize = 200

// kind is one sort of connection in a crowd; each server listens for it on a port of its own.
type kind struct {
	name   string
	server settings
	client settings
	reject bool         // the server knows no name
	reason event.Reason // "" if it is healthy
	judge  event.Side
	says   string // what the library of the side that refuses says: ErrorText and VerifyText
	proof  string
}

// kinds are healthy connections and failures in which the side that refuses says something that no other kind says.
func kinds(p *pki) []kind {
	tls12 := settings{version: "1.2", pair: p.ok, ca: p.ca}
	tls13 := settings{version: "1.3", pair: p.ok, ca: p.ca}
	with := func(s settings, change func(*settings)) settings {
		change(&s)
		return s
	}
	noCA := func(s *settings) { s.ca = "" }
	return []kind{
		{name: "healthy", server: with(tls13, noCA), client: tls13, proof: "healthy"},
		{name: "healthy with client certificate", server: tls13, client: with(tls13, func(s *settings) { s.pair = p.clientOK }), proof: "healthy"},
		{
			name: "version", server: with(tls13, noCA), client: tls12,
			reason: event.ProtocolVersion, judge: event.Server, says: "UNSUPPORTED_PROTOCOL", proof: "PROTOCOL_VERSION",
		},
		{
			name:   "cipher",
			server: with(tls12, func(s *settings) { s.ca, s.cipher = "", "ECDHE-ECDSA-AES256-GCM-SHA384" }),
			client: with(tls12, func(s *settings) { s.cipher = "ECDHE-ECDSA-AES128-GCM-SHA256" }),
			reason: event.NoSharedCipher, judge: event.Server, says: "NO_SHARED_CIPHER", proof: "HANDSHAKE_FAILURE",
		},
		{
			name: "ALPN", server: with(tls13, func(s *settings) { s.ca, s.alpn = "", "http/1.1" }),
			client: with(tls13, func(s *settings) { s.alpn = "lab/1" }),
			reason: event.NoSharedALPN, judge: event.Server, says: "NO_APPLICATION_PROTOCOL", proof: "no application protocol",
		},
		{
			name: "name", server: with(tls13, noCA), client: tls13, reject: true,
			reason: event.UnrecognizedName, judge: event.Server, says: "CALLBACK_FAILED|CLIENTHELLO_TLSEXT", proof: "UNRECOGNIZED_NAME",
		},
		{
			name: "expired", server: with(tls13, func(s *settings) { s.ca, s.pair = "", p.expired }), client: tls13,
			reason: event.CertificateExpired, judge: event.Client, says: "X509_V_ERR_CERT_HAS_EXPIRED", proof: "has expired",
		},
		{
			name: "self-signed", server: with(tls12, func(s *settings) { s.ca, s.pair = "", p.selfSigned }), client: tls12,
			reason: event.SelfSigned, judge: event.Client, says: "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", proof: "self-signed",
		},
		{
			name: "wrong name", server: with(tls13, func(s *settings) { s.ca, s.pair = "", p.wrongName }), client: tls13,
			reason: event.NameMismatch, judge: event.Client, says: "X509_V_ERR_HOSTNAME_MISMATCH", proof: "mismatch",
		},
		{
			name: "unknown CA", server: with(tls13, func(s *settings) { s.ca, s.pair = "", p.byOtherCA }), client: tls13,
			reason: event.UnknownCA, judge: event.Client, says: "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", proof: "unable to get",
		},
	}
}

// TestNoReasonLandsElsewhere lets a crowd of connections fail at the same time, each kind in its own way.
func TestNoReasonLandsElsewhere(t *testing.T) {
	l := newLab(t)
	all := kinds(l.pki)
	servers := map[string]func(t *testing.T, ports map[string]int){
		"nginx": func(t *testing.T, ports map[string]int) { l.crowdNginx(t, all, ports) },
		"Go":    func(t *testing.T, ports map[string]int) { l.crowdGo(t, all, ports) },
	}
	for name, serve := range servers {
		t.Run(name, func(t *testing.T) {
			ports := map[string]int{}
			for _, k := range all {
				ports[k.name] = l.ports.free(t)
			}
			serve(t, ports)
			l.holdPython(t)
			var w *watch
			if !truthOnly() {
				w = startWatch(t, tracer.Options{})
			}
			l.crowd(t, all, ports)
			for _, k := range all {
				t.Run(k.name, func(t *testing.T) { w.checkKind(t, k, ports[k.name], name == "Go") })
			}
		})
	}
}

// holdPython keeps the clients' libraries in use, so that probes are in them before the crowd comes.
func (l *lab) holdPython(t *testing.T) {
	t.Helper()
	p := start(t, "", "/usr/bin/python3", "-c", "import ssl, time; print('up', flush=True); time.sleep(600)")
	if !await(10*time.Second, func() bool { return strings.Contains(p.out.String(), "up") }) {
		t.Fatalf("python does not start: %s", p.out)
	}
}

// crowd makes the connections and checks that each ended as it should.
func (l *lab) crowd(t *testing.T, all []kind, ports map[string]int) {
	t.Helper()
	var wanted []map[string]any
	for i := range crowdSize {
		k := all[i%len(all)]
		c := map[string]any{
			"kind": k.name, "port": ports[k.name], "ca": l.pki.ca, "version": k.client.version, "cipher": k.client.cipher, "alpn": k.client.alpn,
		}
		if k.server.ca != "" {
			c["cert"], c["key"] = k.client.pair.cert, k.client.pair.key
		}
		wanted = append(wanted, c)
	}
	b, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, string(b), "/usr/bin/python3", "testdata/clients.py")
	_ = p.in.Close()
	if err := p.wait(time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		n := 0
		for line := range strings.SplitSeq(p.out.String(), "\n") {
			if strings.HasPrefix(line, k.name+": ") && strings.Contains(line, k.proof) {
				n++
			}
		}
		if n < crowdSize/len(all) {
			t.Fatalf("%s: %d connections of %d ended as they should:\n%s", k.name, n, crowdSize/len(all), p.out)
		}
	}
}

// checkKind checks that all connections of a kind, and no others, tell its reason.
func (w *watch) checkKind(t *testing.T, k kind, port int, byGo bool) {
	if w == nil {
		return
	}
	failed := func() []event.Event {
		return w.all(func(e event.Event) bool { return int(e.Server.Port) == port && e.Outcome == event.Failed })
	}
	want := crowdSize / 10
	if k.reason == "" {
		want = 0
	}
	count := func() int {
		n := 0
		for _, e := range failed() {
			n += 1 + e.Repeated
		}
		return n
	}
	if !await(eventTimeout, func() bool { return count() >= want }) || count() != want {
		t.Errorf("%d failures told, want %d", count(), want)
	}
	var wrong []string
	for _, e := range failed() {
		if why := k.judgeEvent(e, byGo); why != "" {
			wrong = append(wrong, why+"\n"+asJSON(e))
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%d of %d are wrong, the first: %s", len(wrong), want, wrong[0])
	}
}

func (k kind) judgeEvent(e event.Event, byGo bool) string {
	switch {
	case e.Library == nil:
		return "library: absent"
	case e.Library.Side != k.judge:
		return fmt.Sprintf("library.side: got %q, want %q", e.Library.Side, k.judge)
	case byGo && k.judge == event.Server: // its words are the names of alerts
		if got := e.Verdict.Reason; got != k.reason && (got != event.NegotiationFailed || k.reason != event.NoSharedCipher) {
			return fmt.Sprintf("reason: got %q, want %q", got, k.reason)
		}
		return ""
	case e.Verdict.Reason != k.reason:
		return fmt.Sprintf("reason: got %q, want %q", e.Verdict.Reason, k.reason)
	}
	for says := range strings.SplitSeq(k.says, "|") {
		if e.Library.ErrorText == says || e.Library.VerifyText == says {
			return ""
		}
	}
	return fmt.Sprintf("library: got %q and %q, want %s", e.Library.ErrorText, e.Library.VerifyText, k.says)
}

const nginxHead = `
daemon off; master_process off; pid nginx.pid; error_log stderr info;
events { worker_connections 1024; }
http {
	access_log off; ssl_session_cache off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
`

// crowdNginx is one process of nginx, which has one thread for all connections.
func (l *lab) crowdNginx(t *testing.T, all []kind, ports map[string]int) {
	t.Helper()
	conf := nginxHead
	for _, k := range all {
		conf += k.nginx(ports[k.name])
	}
	l.startNginx(t, conf+"}\n", ports[all[0].name])
}

// startNginx runs nginx as one process until the test ends.
func (l *lab) startNginx(t *testing.T, conf string, port int) *process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "", "nginx", "-p", dir, "-c", file, "-e", "stderr")
	if err := waitListening(port, p.ended); err != nil {
		t.Fatalf("%v: %s", err, p.out)
	}
	return p
}

func (k kind) nginx(port int) string {
	s := fmt.Sprintf("server { listen 127.0.0.1:%d ssl; ssl_protocols TLSv%s;\n", port, k.server.version)
	s += fmt.Sprintf("ssl_certificate %q; ssl_certificate_key %q;\n", k.server.pair.cert, k.server.pair.key)
	if k.server.cipher != "" {
		s += fmt.Sprintf("ssl_ciphers %s;\n", k.server.cipher)
	}
	if k.server.ca != "" {
		s += fmt.Sprintf("ssl_verify_client on; ssl_client_certificate %q;\n", k.server.ca)
	}
	if k.reject {
		s += "ssl_reject_handshake on;\n"
	}
	return s + "location / { return 200 \"ok\\n\"; } }\n"
}
