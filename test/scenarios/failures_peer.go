package scenarios

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// peerScenarios are handshakes that one end breaks off without a word.
func peerScenarios(everything bool) []Scenario {
	all := []Scenario{refused("127.0.0.1"), refused("::1")}
	for i, kind := range []string{"reset", "unread", "fin"} {
		for j, s := range allServers {
			if everything || (i+j)%3 != 0 {
				all = append(all, cutByClient(kind, s, bothVersions[j%2]))
			}
		}
		for j, c := range allClients {
			if everything || (i+j)%3 != 0 {
				all = append(all, cutByServer(kind, c, bothVersions[j%2]))
			}
		}
		all = append(all, cutAfterFlight(kind, tls.VersionTLS12), cutAfterFlight(kind, tls.VersionTLS13))
	}
	for _, c := range []clientStack{curlClient, opensslClient} {
		all = append(all, stalled(c))
	}
	return append(all, stalledClient())
}

// how says by which reasons and sides a cut is told.
func how(kind string, by event.Side) Truth {
	reason := map[string]map[event.Side]event.Reason{
		"reset":  {event.Client: event.ResetByClient, event.Server: event.ResetByServer},
		"unread": {event.Client: event.ResetByClient, event.Server: event.ResetByServer},
		"fin":    {event.Client: event.ClosedByClient, event.Server: event.ClosedByServer},
	}[kind][by]
	return Truth{
		Reasons: []event.Reason{reason},
		GaveUp:  []event.Side{by},
		LookAt:  eitherEnd,
	}
}

// cutByClient breaks off once the server's first flight has come. A client that judged the certificate may do so too.
func cutByClient(kind string, s serverStack, version uint16) Scenario {
	w := how(kind, event.Client)
	w.Vague = []event.Reason{event.ServerCertificateRejected}
	w.Proof = "broken off on purpose"
	return Scenario{
		Name: fmt.Sprintf("%s by client/tls%s/go-%s", kind, number(version), s.name),
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, s, serverSettings{pair: l.pki.ok, versions: only(version)})
			argv := goClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)})
			return l.finish(t, srv, start(t, "", append(argv, "--cut", kind, "--after", "1")...), "gopeer")
		},
		Truth: w,
	}
}

// cutByServer breaks off once the ClientHello has come.
func cutByServer(kind string, c clientStack, version uint16) Scenario {
	return Scenario{
		Name:  fmt.Sprintf("%s by server/tls%s/%s-go", kind, number(version), c.name),
		Play:  cutServer(kind, 0, c, version),
		Truth: how(kind, event.Server),
	}
}

// cutAfterFlight breaks off once the client has answered the server's flight. In TLS 1.3 that was the last message of the
// handshake: the bytes are those of a server that finished and then closed.
func cutAfterFlight(kind string, version uint16) Scenario {
	w := how(kind, event.Server)
	w.Vague = []event.Reason{event.ClientCertificateRejected}
	if version == tls.VersionTLS13 {
		w.Certainty = May
	}
	return Scenario{
		Name:  fmt.Sprintf("%s by server after its flight/tls%s", kind, number(version)),
		Play:  cutServer(kind, 1, goClient, version),
		Truth: w,
	}
}

func cutServer(kind string, after int, c clientStack, version uint16) func(testing.TB, *Lab) Played {
	return func(t testing.TB, l *Lab) Played {
		srv := l.broken(t, "--cut", kind, "--after", strconv.Itoa(after), "--min", number(version), "--max", number(version))
		argv := c.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)})
		return l.finish(t, srv, start(t, get, argv...), c.comm)
	}
}

// broken starts a Go server with more flags.
func (l *Lab) broken(t testing.TB, flags ...string) *server {
	t.Helper()
	return l.listen(t, func(port int) *process {
		argv := []string{l.gopeer, "server", "--port", strconv.Itoa(port), "--cert", l.pki.ok.cert, "--key", l.pki.ok.key}
		return start(t, "", append(argv, flags...)...)
	})
}

// stalled is a server that takes the hello and says nothing until the client has enough.
func stalled(c clientStack) Scenario {
	return Scenario{
		Name: "stalled server/" + c.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.broken(t, "--cut", "stall")
			argv := c.argv(t, l, srv.port, clientSettings{
				host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion,
			})
			if c.name == "curl" {
				return l.finish(t, srv, start(t, "", append(argv, "--max-time", "2")...), c.comm)
			}
			p := l.finish(t, srv, start(t, "", append([]string{"timeout", "2"}, argv...)...), c.comm)
			p.Client.PID = 0 // the pid is that of timeout(1)
			return p
		},
		Truth: Truth{
			Reasons: []event.Reason{event.HandshakeTimeout},
			Vague:   []event.Reason{event.ClosedByClient, event.ResetByClient},
			GaveUp:  []event.Side{event.Client},
			LookAt:  []event.Side{event.Server, event.Network, event.Unknown},
		},
	}
}

// stalledClient sends the beginning of a hello and waits until nginx has enough.
func stalledClient() Scenario {
	return Scenario{
		Name: "stalled client/nginx",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.warm(t, nginxServer)
			return l.finish(t, srv, start(t, "", l.gopeer, "send", "--what", "short", "--port", strconv.Itoa(srv.port)), "gopeer")
		},
		Truth: Truth{
			Reasons: []event.Reason{event.HandshakeTimeout, event.ClosedByServer},
			GaveUp:  []event.Side{event.Server},
			LookAt:  []event.Side{event.Client, event.Network, event.Unknown},
			Proof:   `the server sent 0 bytes`,
		},
	}
}

// refused is a connection to a port where nobody listens.
func refused(host string) Scenario {
	return Scenario{
		Name: "refused/" + host,
		Play: func(t testing.TB, l *Lab) Played {
			port := l.ports.free(t)
			cli := l.dial(t, opensslClient, port, clientSettings{
				host: host, ca: l.pki.ca, versions: anyVersion,
			})
			return Played{
				Port: port, Client: End{cli.pid(), "openssl", host}, Server: End{Addr: host}, Output: cli.out.String,
			}
		},
		Truth: Truth{
			Reasons: []event.Reason{event.ConnectionRefused},
			GaveUp:  []event.Side{event.Server, event.Network, event.Unknown},
			LookAt:  []event.Side{event.Server},
			Phases:  []event.Phase{event.PhaseConnect},
			Proof:   `Connection refused`,
			Lonely:  true,
		},
	}
}
