package scenarios

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// peerScenarios are handshakes that one end breaks off without a word.
func peerScenarios() []scenario {
	all := []scenario{refused("127.0.0.1"), refused("::1")}
	for i, kind := range []string{"reset", "unread", "fin"} {
		for j, s := range allServers {
			if full() || (i+j)%3 != 0 {
				all = append(all, cutByClient(kind, s, bothVersions[j%2]))
			}
		}
		for j, c := range allClients {
			if full() || (i+j)%3 != 0 {
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
func how(kind string, by event.Side) truth {
	reason := map[string]map[event.Side]event.Reason{
		"reset":  {event.Client: event.ResetByClient, event.Server: event.ResetByServer},
		"unread": {event.Client: event.ResetByClient, event.Server: event.ResetByServer},
		"fin":    {event.Client: event.ClosedByClient, event.Server: event.ClosedByServer},
	}[kind][by]
	return truth{
		reasons: []event.Reason{reason},
		gaveUp:  []event.Side{by},
		lookAt:  eitherEnd,
	}
}

// cutByClient breaks off once the server's first flight has come. A client that judged the certificate may do so too.
func cutByClient(kind string, s serverStack, version uint16) scenario {
	w := how(kind, event.Client)
	w.vague = []event.Reason{event.ServerCertificateRejected}
	w.proof = "broken off on purpose"
	return scenario{
		name: fmt.Sprintf("%s by client/tls%s/go-%s", kind, number(version), s.name),
		play: func(t testing.TB, l *lab) played {
			srv := l.serve(t, s, serverSettings{pair: l.pki.ok, versions: only(version)})
			argv := goClient.argv(l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)})
			return l.finish(t, srv, start(t, "", append(argv, "--cut", kind, "--after", "1")...), "gopeer")
		},
		truth: w,
	}
}

// cutByServer breaks off once the ClientHello has come.
func cutByServer(kind string, c clientStack, version uint16) scenario {
	return scenario{
		name:  fmt.Sprintf("%s by server/tls%s/%s-go", kind, number(version), c.name),
		play:  cutServer(kind, 0, c, version),
		truth: how(kind, event.Server),
	}
}

// cutAfterFlight breaks off once the client has answered the server's flight. In TLS 1.3 that was the last message of the
// handshake: the bytes are those of a server that finished and then closed.
func cutAfterFlight(kind string, version uint16) scenario {
	w := how(kind, event.Server)
	w.vague = []event.Reason{event.ClientCertificateRejected}
	if version == tls.VersionTLS13 {
		w.certainty = may
	}
	return scenario{
		name:  fmt.Sprintf("%s by server after its flight/tls%s", kind, number(version)),
		play:  cutServer(kind, 1, goClient, version),
		truth: w,
	}
}

func cutServer(kind string, after int, c clientStack, version uint16) func(testing.TB, *lab) played {
	return func(t testing.TB, l *lab) played {
		srv := l.broken(t, "--cut", kind, "--after", strconv.Itoa(after), "--min", number(version), "--max", number(version))
		argv := c.argv(l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: only(version)})
		return l.finish(t, srv, start(t, get, argv...), c.comm)
	}
}

// broken starts a Go server with more flags.
func (l *lab) broken(t testing.TB, flags ...string) *server {
	t.Helper()
	return l.listen(t, func(port int) *process {
		argv := []string{l.gopeer, "server", "--port", strconv.Itoa(port), "--cert", l.pki.ok.cert, "--key", l.pki.ok.key}
		return start(t, "", append(argv, flags...)...)
	})
}

// stalled is a server that takes the hello and says nothing until the client has enough.
func stalled(c clientStack) scenario {
	return scenario{
		name: "stalled server/" + c.name,
		play: func(t testing.TB, l *lab) played {
			srv := l.broken(t, "--cut", "stall")
			argv := c.argv(l, srv.port, clientSettings{
				host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion,
			})
			if c.name == "curl" {
				return l.finish(t, srv, start(t, "", append(argv, "--max-time", "2")...), c.comm)
			}
			p := l.finish(t, srv, start(t, "", append([]string{"timeout", "2"}, argv...)...), c.comm)
			p.client.pid = 0 // the pid is that of timeout(1)
			return p
		},
		truth: truth{
			reasons: []event.Reason{event.HandshakeTimeout},
			vague:   []event.Reason{event.ClosedByClient, event.ResetByClient},
			gaveUp:  []event.Side{event.Client},
			lookAt:  []event.Side{event.Server, event.Network, event.Unknown},
		},
	}
}

// stalledClient sends the beginning of a hello and waits until nginx has enough.
func stalledClient() scenario {
	return scenario{
		name: "stalled client/nginx",
		play: func(t testing.TB, l *lab) played {
			srv := l.warm(t, nginxServer)
			return l.finish(t, srv, start(t, "", l.gopeer, "send", "--what", "short", "--port", strconv.Itoa(srv.port)), "gopeer")
		},
		truth: truth{
			reasons: []event.Reason{event.HandshakeTimeout, event.ClosedByServer},
			gaveUp:  []event.Side{event.Server},
			lookAt:  []event.Side{event.Client, event.Network, event.Unknown},
			proof:   `the server sent 0 bytes`,
		},
	}
}

// refused is a connection to a port where nobody listens.
func refused(host string) scenario {
	return scenario{
		name: "refused/" + host,
		play: func(t testing.TB, l *lab) played {
			port := l.ports.free(t)
			cli := l.dial(t, opensslClient, port, clientSettings{
				host: host, ca: l.pki.ca, versions: anyVersion,
			})
			return played{
				port: port, client: end{cli.pid(), "openssl", host}, server: end{addr: host}, output: cli.out.String,
			}
		},
		truth: truth{
			reasons: []event.Reason{event.ConnectionRefused},
			gaveUp:  []event.Side{event.Server, event.Network, event.Unknown},
			lookAt:  []event.Side{event.Server},
			phases:  []event.Phase{event.PhaseConnect},
			proof:   `Connection refused`,
			lonely:  true,
		},
	}
}
