package scenarios

import (
	"crypto/tls"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// healthyScenarios are handshakes that succeed, however the connection went on: none of them may be reported as failed.
func healthyScenarios(everything bool) []Scenario {
	var all []Scenario
	for _, f := range healthyPairs() {
		all = append(all, f.scenarios(everything)...)
	}
	all = append(all, healthyLoads()...)
	return append(all, lenientClients()...)
}

// succeeded is the truth of a handshake that succeeds; proof is what shows it.
func succeeded(proof string) Truth {
	return Truth{Certainty: Never, Outcome: event.Succeeded, Proof: proof}
}

func healthyPairs() []failure {
	// Apache answers 400 to a request without a host name; that is an answer, too.
	fine := func(pairing) Truth { return succeeded(`\b(200|400)\b`) }
	return []failure{
		{
			name: "healthy", servers: allServers, clients: allClients, versions: bothVersions,
			set: func(*pki, uint16, *serverSettings, *clientSettings) {}, truth: fine,
		},
		{
			name: "healthy, client certificate", servers: verifyingServers, clients: allClients, versions: bothVersions,
			set: func(p *pki, _ uint16, s *serverSettings, c *clientSettings) { s.clientCA, c.pair = p.ca, p.clientOK }, truth: fine,
		},
		{
			// The handshake is over when nginx says no, and HTTP says it; Java may still be writing when nginx has closed.
			name: "healthy, refused by HTTP 400", servers: []serverStack{nginxServer}, clients: allClients, versions: bothVersions,
			set:   func(p *pki, _ uint16, s *serverSettings, _ *clientSettings) { s.clientCA = p.ca },
			truth: func(pairing) Truth { return succeeded(`\b400\b|Broken pipe`) },
		},
	}
}

// healthyLoad is a way in which connections of one Go client go and end.
type healthyLoad struct {
	name   string
	server []string // flags of gopeer
	client []string
}

// healthyLoads use and end a connection in each way.
func healthyLoads() []Scenario {
	var all []Scenario
	for _, version := range []string{"1.2", "1.3"} {
		for _, h := range []healthyLoad{
			{"keep-alive", nil, []string{"--requests", "50"}},
			{"closed at once", nil, []string{"--requests", "0"}},
			{"closed at once without close_notify", nil, []string{"--requests", "0", "--end", "fin"}},
			{"reset after an answer", nil, []string{"--end", "rst"}},
			{"resumed", nil, []string{"--resume", "--count", "4"}},
		} {
			all = append(all, Scenario{
				Name: "healthy, " + h.name + "/tls" + version + "/go-go", Failure: "healthy, " + h.name, Client: "go", Server: "go",
				Play:  h.play(version),
				Truth: succeeded(""),
			})
		}
	}
	return all
}

func (h healthyLoad) play(version string) func(testing.TB, *Lab) Played {
	return func(t testing.TB, l *Lab) Played {
		srv := l.broken(t, append([]string{"--min", version, "--max", version}, h.server...)...)
		argv := append([]string{l.gopeer, "load", "--port", strconv.Itoa(srv.port), "--ca", l.pki.ca}, h.client...)
		cli := start(t, "", argv...)
		p := l.finish(t, srv, cli, "gopeer")
		if !cli.cmd.ProcessState.Success() {
			t.Fatalf("a healthy handshake failed: %s", cli.out)
		}
		return p
	}
}

// lenientClients find something wrong with the certificate, or are asked not to look, and go on.
func lenientClients() []Scenario {
	var all []Scenario
	for _, c := range []struct {
		clientStack
		flags []string
	}{
		{curlClient, []string{"--insecure"}},
		{gnutlsClient, []string{"--insecure"}},
		{opensslClient, nil},
	} {
		for _, version := range bothVersions {
			all = append(all, lenient(c.clientStack, c.flags, version))
		}
	}
	return all
}

// lenient is a client that takes an expired certificate. Without -verify_return_error openssl only remarks on it.
func lenient(c clientStack, flags []string, version uint16) Scenario {
	return Scenario{
		Name:    "healthy, certificate not looked at/tls" + number(version) + "/" + c.name + "-nginx",
		Failure: "healthy, certificate not looked at", Client: c.name, Server: "nginx",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, nginxServer, serverSettings{pair: l.pki.expired, versions: only(version)})
			var argv []string
			for _, a := range c.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)}) {
				if a != "-verify_return_error" {
					argv = append(argv, a)
				}
			}
			argv = append(argv[:1:1], append(flags, argv[1:]...)...)
			return l.finish(t, srv, start(t, get, argv...), c.comm)
		},
		Truth: succeeded(`\b200\b`),
	}
}

// sessions are connections on which more than one handshake takes place, or a session is taken up again, by programs other than Go's.
func sessions() []Scenario {
	return []Scenario{
		again(tls.VersionTLS12), again(tls.VersionTLS13),
		tickets(), keyUpdate(),
		secondHandshake(tls.VersionTLS12, "renegotiation"), secondHandshake(tls.VersionTLS13, "post-handshake authentication"),
	}
}

// again is BoringSSL's client, which connects a second time to resume its session.
func again(version uint16) Scenario {
	return Scenario{
		Name: "healthy, resumed/tls" + number(version) + "/boringssl-nginx", Failure: "healthy, resumed", Client: "boringssl", Server: "nginx",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, nginxServer, serverSettings{pair: l.pki.ok, versions: only(version)})
			argv := boringsslClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)})
			return l.finish(t, srv, start(t, get, append(argv, "-test-resumption")...), "bssl-tool")
		},
		Truth: succeeded(`Resumed session: yes`),
	}
}

// tickets is a server that sends many of them.
func tickets() Scenario {
	return Scenario{
		Name: "healthy, 20 tickets/tls1.3/openssl-openssl", Failure: "healthy, 20 tickets", Client: "openssl", Server: "openssl",
		Play: func(t testing.TB, l *Lab) Played {
			s := serverSettings{pair: l.pki.ok, versions: only(tls.VersionTLS13)}
			srv := l.listen(t, func(port int) *process {
				return start(t, "", append(opensslServerArgv(t, l, port, s), "-num_tickets", "20")...)
			})
			argv := opensslClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: s.versions})
			return l.finish(t, srv, start(t, get, argv...), "openssl")
		},
		Truth: succeeded(`\b200\b`),
	}
}

// keyUpdate is a client that changes its keys before it asks (RFC 8446 section 4.6.3).
func keyUpdate() Scenario {
	return Scenario{
		Name: "healthy, key update/tls1.3/openssl-nginx", Failure: "healthy, key update", Client: "openssl", Server: "nginx",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, nginxServer, serverSettings{pair: l.pki.ok, versions: only(tls.VersionTLS13)})
			argv := opensslClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
			return l.finish(t, srv, typed(t, argv, "K\n", "KEYUPDATE", get), "openssl")
		},
		Truth: succeeded(`\b200\b`),
	}
}

// secondHandshake is Apache, which asks for a certificate once it knows the path: by renegotiation in TLS 1.2, and as RFC 8446 section
// 4.6.2 has it in TLS 1.3.
func secondHandshake(version uint16, how string) Scenario {
	return Scenario{
		Name: "healthy, " + how + "/tls" + number(version) + "/curl-apache", Failure: "healthy, " + how, Client: "curl", Server: "apache",
		Play: func(t testing.TB, l *Lab) Played {
			s := serverSettings{pair: l.pki.ok, versions: only(version)}
			more := apacheTLS(s) + "SSLCACertificateFile \"" + l.pki.ca + "\"\n<Location />\nSSLVerifyClient require\n</Location>\n"
			srv := l.listen(t, func(port int) *process { return start(t, "", apacheArgv(t, port, more)...) })
			c := clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: s.versions, pair: l.pki.clientOK}
			return l.finish(t, srv, start(t, "", curlClient.argv(t, l, srv.port, c)...), "curl")
		},
		Truth: succeeded(`HTTP/1.[01] 200`),
	}
}
