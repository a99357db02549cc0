package scenarios

import (
	"crypto/tls"
	"fmt"
	"testing"
)

// Scenario is one connection with its ground truth.
type Scenario struct {
	Name string // unique; failure/version/client-server
	// What it is about, in words: the failure (or what is healthy), and the programs. Empty: it is about none in particular.
	Failure, Client, Server string
	// Play makes the connection and returns when it has ended, or ends the test if the programs do not start.
	Play  func(t testing.TB, l *Lab) Played
	Truth Truth
}

// All returns every scenario that is a single connection: each pair of programs if everything is wanted, else so that each program
// takes part in each failure and version.
func All(everything bool) []Scenario {
	var all []Scenario
	for _, group := range [][]failure{serverCertificateFailures(), clientCertificateFailures(), negotiationFailures()} {
		for _, f := range group {
			all = append(all, f.scenarios(everything)...)
		}
	}
	all = append(all, protocolScenarios(everything)...)
	all = append(all, peerScenarios(everything)...)
	all = append(all, prefaceScenarios()...)
	all = append(all, healthyScenarios(everything)...)
	all = append(all, sessions()...)
	return append(all, noiseScenarios()...)
}

// pairing is what the truth of a failure depends on.
type pairing struct {
	version        uint16
	server, client string
}

// failure is one way in which a handshake fails, for many pairs of programs.
type failure struct {
	name     string
	servers  []serverStack
	clients  []clientStack
	versions []uint16
	set      func(p *pki, version uint16, s *serverSettings, c *clientSettings)
	truth    func(pairing) Truth
}

var bothVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// scenarios pairs the programs: all with all if everything is wanted, else so that each takes part in each version.
func (f failure) scenarios(everything bool) []Scenario {
	var all []Scenario
	for turn, version := range f.versions {
		for si, s := range f.servers {
			for ci, c := range f.clients {
				if everything || chosen(si, len(f.servers), ci, len(f.clients), turn) {
					all = append(all, f.pair(version, s, c))
				}
			}
		}
	}
	return all
}

// chosen picks one pair for each member of the longer list, and other pairs at each turn.
func chosen(si, servers, ci, clients, turn int) bool {
	if servers >= clients {
		return ci == (si+turn)%clients
	}
	return si == (ci+turn)%servers
}

func (f failure) pair(version uint16, s serverStack, c clientStack) Scenario {
	name := fmt.Sprintf("%s/tls%s/%s-%s", f.name, number(version), c.name, s.name)
	return Scenario{
		Name: name, Failure: f.name, Client: c.name, Server: s.name,
		Truth: f.truth(pairing{version, s.name, c.name}),
		Play: func(t testing.TB, l *Lab) Played {
			ss := serverSettings{pair: l.pki.ok, versions: only(version)}
			cs := clientSettings{ca: l.pki.ca, versions: only(version), host: host(len(name))}
			f.set(l.pki, version, &ss, &cs)
			return l.playPair(t, s, ss, c, cs)
		},
	}
}

// host makes about half of the scenarios run over IPv6.
func host(n int) string {
	if n%2 == 0 {
		return "::1"
	}
	return "127.0.0.1"
}

// playPair runs a server and then a client to its end.
func (l *Lab) playPair(t testing.TB, s serverStack, ss serverSettings, c clientStack, cs clientSettings) Played {
	srv := l.serve(t, s, ss)
	server := srv.end(cs.host)
	cli := l.dial(t, c, srv.port, cs)
	return Played{
		Port: srv.port, Server: server,
		Client: End{cli.pid(), c.comm, cs.host},
		Output: func() string { return outputs(cli, srv) },
	}
}

func (s *server) end(host string) End { return End{s.pid(), s.comm(), host} }

func outputs(cli *process, srv *server) string {
	return cli.out.String() + "\n--- server:\n" + srv.out.String()
}
