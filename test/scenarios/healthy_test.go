package scenarios

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// volumes are how many connections of each kind are made.
type volumes struct{ handshakes, probes int }

func wantedVolumes() volumes {
	if full() {
		return volumes{20_000, 5_000}
	}
	return volumes{2_000, 1_000}
}

// bulk is a kind of healthy traffic.
type bulk struct {
	name string
	play func(t *testing.T, l *Lab) int // returns the server's port
}

// TestHealthyIsSilent makes healthy connections in numbers: none of them may be reported as failed, and none at all
// without --all.
func TestHealthyIsSilent(t *testing.T) {
	r := newRun(t)
	v := wantedVolumes()
	var ports []int
	for _, b := range append(healthyHandshakes(v), healthyOthers(v)...) {
		t.Run(b.name, func(t *testing.T) { ports = append(ports, b.play(t, r.Lab)) })
	}
	if r.watch == nil {
		return
	}
	r.sentinel(t)
	for _, port := range ports {
		if got := r.watch.at(port); len(got) > 0 {
			t.Errorf("port %d: %d events for healthy connections, the first:\n%s", port, len(got), got[0].line)
		}
	}
	r.watch.end(t)
}

// healthyHandshakes are spread over the ways in which a handshake goes and ends.
func healthyHandshakes(v volumes) []bulk {
	load := func(name string, share int, server []string, flags ...string) bulk {
		return bulk{name, func(t *testing.T, l *Lab) int {
			srv := l.broken(t, server...)
			l.load(t, srv.port, v.handshakes*share/100, flags...)
			return srv.port
		}}
	}
	clientCA := func(b func(ca string) bulk) bulk {
		return bulk{"client certificate", func(t *testing.T, l *Lab) int { return b(l.pki.ca).play(t, l) }}
	}
	all := []bulk{
		load("full", 15, nil),
		load("full, TLS 1.2", 15, []string{"--max", "1.2"}),
		load("resumed", 10, nil, "--resume"),
		load("resumed, TLS 1.2", 10, []string{"--max", "1.2"}, "--resume"),
		load("ended by FIN", 10, nil, "--end", "fin"),
		load("ended by RST", 10, nil, "--end", "rst"),
		load("keep-alive", 5, nil, "--requests", "20"),
		load("no request", 5, nil, "--requests", "0"),
		clientCA(func(ca string) bulk { return load("", 10, []string{"--client-ca", ca}) }),
		{"client killed", func(t *testing.T, l *Lab) int { return l.killed(t, v.handshakes*5/100) }},
	}
	for _, s := range []serverStack{nginxServer, opensslServer, gnutlsServer, pythonServer, nodeServer} {
		all = append(all, bulk{"programs, " + s.name, func(t *testing.T, l *Lab) int { return l.programs(t, s, v) }})
	}
	return all
}

// load makes healthy handshakes, 50 at a time.
func (l *Lab) load(t *testing.T, port, count int, flags ...string) {
	t.Helper()
	p := start(t, "", l.loadArgv(port, count, flags...)...)
	if err := p.wait(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if !p.cmd.ProcessState.Success() {
		t.Fatalf("a healthy handshake failed: %s", p.out)
	}
}

func (l *Lab) loadArgv(port, count int, flags ...string) []string {
	argv := []string{l.gopeer, "load", "--port", strconv.Itoa(port), "--ca", l.pki.ca, "--count", strconv.Itoa(count),
		"--parallel", "50", "--cert", l.pki.clientOK.cert, "--key", l.pki.clientOK.key}
	return append(argv, flags...)
}

// killed holds connections open in processes that are then killed.
func (l *Lab) killed(t *testing.T, count int) int {
	srv := l.broken(t)
	for count > 0 {
		n := min(count, 100)
		count -= n
		p := start(t, "", l.loadArgv(srv.port, n, "--end", "hold")...)
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(p.out.String(), "holding"); {
			if p.ended() || time.Now().After(deadline) {
				t.Fatalf("no healthy handshakes: %s", p.out)
			}
			time.Sleep(10 * time.Millisecond)
		}
		p.kill()
	}
	return srv.port
}

// programs lets every client talk to one server, in both versions.
func (l *Lab) programs(t *testing.T, s serverStack, v volumes) int {
	srv := l.serve(t, s, serverSettings{pair: l.pki.ok, versions: anyVersion})
	for _, c := range allClients {
		for _, version := range bothVersions {
			for i := range max(1, v.handshakes/1000) {
				p := l.dial(t, c, srv.port, clientSettings{host: host(i), ca: l.pki.ca, versions: only(version)})
				if !strings.Contains(p.out.String(), "200") {
					t.Errorf("%s, TLS %s: a healthy handshake failed: %s\n--- server:\n%s", c.name, number(version), p.out, srv.out)
				}
			}
		}
	}
	return srv.port
}

// healthyOthers are connections that are no TLS, and health checks without a byte.
func healthyOthers(v volumes) []bulk {
	var all []bulk
	for _, s := range plainServers() {
		if s.name == "http.server" { // its backlog of 5 makes probes wait for retransmissions
			continue
		}
		all = append(all, bulk{"probes, " + s.name, func(t *testing.T, l *Lab) int {
			srv := l.serve(t, s, serverSettings{})
			l.plainClient(t, "probe", srv.port, v.probes/10)
			return srv.port
		}})
	}
	return append(all,
		bulk{"probes, TLS", func(t *testing.T, l *Lab) int {
			srv := l.warm(t, nginxServer)
			l.plainClient(t, "probe", srv.port, v.probes*6/10)
			return srv.port
		}},
		bulk{"plain HTTP", plainHTTP},
		bulk{"Redis", redisCommands},
		bulk{"server first", func(t *testing.T, l *Lab) int {
			srv := l.serve(t, plainServers()[4], serverSettings{})
			l.plainClient(t, "exchange", srv.port, 200, "--what", "banner")
			return srv.port
		}},
		bulk{"echo", func(t *testing.T, l *Lab) int {
			srv := l.serve(t, plainServers()[3], serverSettings{})
			l.plainClient(t, "exchange", srv.port, 200)
			return srv.port
		}},
		bulk{"SMTP without STARTTLS", mailWithoutTLS},
	)
}

func (l *Lab) plainClient(t *testing.T, role string, port, count int, flags ...string) {
	t.Helper()
	argv := []string{l.gopeer, role, "--port", strconv.Itoa(port), "--count", strconv.Itoa(count), "--parallel", "4"}
	p := start(t, "", append(argv, flags...)...)
	if err := p.wait(time.Minute); err != nil {
		t.Fatal(err)
	}
	if !p.cmd.ProcessState.Success() {
		t.Fatal(p.out)
	}
}

func plainHTTP(t *testing.T, l *Lab) int {
	srv := l.serve(t, nginxPlain, serverSettings{})
	for i := range 30 {
		url := fmt.Sprintf("http://127.0.0.1:%d/%d", srv.port, i)
		if out, err := exec.Command("curl", "-sS", "--max-time", "8", url, url).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return srv.port
}

func redisCommands(t *testing.T, l *Lab) int {
	srv := l.serve(t, plainServers()[2], serverSettings{})
	for range 30 {
		out, err := exec.Command("redis-cli", "-p", strconv.Itoa(srv.port), "PING").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "PONG") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return srv.port
}

// mailWithoutTLS is a client that says EHLO and leaves.
func mailWithoutTLS(t *testing.T, l *Lab) int {
	srv := l.upgrading(t, "smtp", l.pki.ok)
	l.plainClient(t, "exchange", srv.port, 100)
	return srv.port
}

// TestNoiseNeedsAll makes probes and a scan: with --all they are reported, as noise and nothing else.
func TestNoiseNeedsAll(t *testing.T) {
	r := newRun(t, "--all")
	quiet := r.serve(t, plainServers()[3], serverSettings{})
	r.plainClient(t, "probe", quiet.port, 5)
	healthy := r.warm(t, goServer)
	if r.watch == nil {
		return
	}
	r.sentinel(t)
	r.expect(t, quiet.port, 5, event.Noise)
	r.expect(t, healthy.port, 1, event.Succeeded)
	r.watch.end(t)
}

// expect checks that a port has so many events and all of them have this outcome.
func (r *run) expect(t *testing.T, port, count int, want event.Outcome) {
	t.Helper()
	got := r.watch.at(port)
	n := 0
	for _, e := range got {
		n += 1 + e.Repeated
		if e.Outcome != want || (e.Verdict.Layer == event.LayerNoise) != (want == event.Noise) {
			t.Errorf("got %s (%s), want %s:\n%s", e.Outcome, e.Verdict.Layer, want, e.line)
		}
	}
	if n != count {
		t.Errorf("%d events for %d connections:\n%s", n, count, r.watch.show(port))
	}
}
