package scenarios

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// protocolScenarios are ends of which one does not speak TLS.
func protocolScenarios(everything bool) []Scenario {
	var all []Scenario
	for _, s := range allServers {
		all = append(all, plaintextToTLS(s), garbageToTLS(s))
	}
	for i, c := range allClients {
		for j, s := range plainServers() {
			if everything || (i+j)%len(allClients) < 2 {
				all = append(all, tlsToPlaintext(c, s))
			}
		}
	}
	return all
}

// plaintextToTLS is an HTTP request to a port that is known to speak TLS.
func plaintextToTLS(s serverStack) Scenario {
	return Scenario{
		Name: "plaintext to TLS/curl-" + s.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.warm(t, s)
			cli := start(t, "", "curl", "-sSv", "--max-time", "8", fmt.Sprintf("http://127.0.0.1:%d/", srv.port))
			return l.finish(t, srv, cli, "curl")
		},
		Truth: Truth{
			Reasons:    []event.Reason{event.PlaintextToTLS},
			GaveUp:     []event.Side{event.Server},
			LookAt:     []event.Side{event.Client},
			Proof:      `(?i)GET / HTTP/1.1`,
			AnyPreface: true,
		},
	}
}

// garbageToTLS is neither TLS nor text.
func garbageToTLS(s serverStack) Scenario {
	return Scenario{
		Name: "garbage/go-" + s.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.warm(t, s)
			return l.finish(t, srv, start(t, "", l.gopeer, "send", "--port", strconv.Itoa(srv.port)), "gopeer")
		},
		Truth: Truth{
			Reasons:    []event.Reason{event.Malformed, event.PlaintextToTLS},
			GaveUp:     []event.Side{event.Server},
			LookAt:     []event.Side{event.Client},
			Proof:      `the server sent`,
			AnyPreface: true,
		},
	}
}

// warm starts a server and makes one healthy handshake with it, so that its port is known to speak TLS.
func (l *Lab) warm(t testing.TB, s serverStack) *server {
	t.Helper()
	srv := l.serve(t, s, serverSettings{pair: l.pki.ok, versions: anyVersion})
	cli := l.dial(t, goClient, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
	if !cli.cmd.ProcessState.Success() {
		t.Fatalf("a healthy handshake failed: %s", cli.out)
	}
	return srv
}

// finish waits for the client's end.
func (l *Lab) finish(t testing.TB, srv *server, cli *process, comm string) Played {
	t.Helper()
	server := srv.end("127.0.0.1")
	if err := cli.wait(patience); err != nil {
		t.Fatal(err)
	}
	return Played{
		Port: srv.port, Server: server, Client: End{cli.pid(), comm, "127.0.0.1"},
		Output: func() string { return outputs(cli, srv) },
	}
}

// plainServers are servers that do not speak TLS.
func plainServers() []serverStack {
	server := func(name string, argv func(l *Lab, port string) []string) serverStack {
		return serverStack{name, func(_ testing.TB, l *Lab, port int, _ serverSettings) []string {
			return argv(l, strconv.Itoa(port))
		}}
	}
	return []serverStack{
		nginxPlain,
		server("http.server", func(l *Lab, port string) []string {
			return []string{"/usr/bin/python3", "-u", "-m", "http.server", "--directory", l.dir, port}
		}),
		server("redis", func(l *Lab, port string) []string {
			return []string{"redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1", "--dir", l.dir}
		}),
		server("echo", func(l *Lab, port string) []string {
			return []string{l.gopeer, "plain", "--what", "echo", "--port", port}
		}),
		server("banner", func(l *Lab, port string) []string {
			return []string{l.gopeer, "plain", "--what", "banner", "--port", port}
		}),
	}
}

// tlsToPlaintext is a ClientHello to a server that takes it for something else. What it answers, and who has enough of
// it first, differs: redis may wait for the end of a line that never comes, and an echo is a TLS record.
func tlsToPlaintext(c clientStack, s serverStack) Scenario {
	reasons := []event.Reason{event.TLSToPlaintext}
	switch s.name {
	case "redis":
		reasons = append(reasons, event.HandshakeTimeout)
	case "echo":
		reasons = append(reasons, event.Malformed)
		if c.name == "curl-gnutls" { // it answers its own hello with close_notify
			reasons = append(reasons, event.ClosedByClient)
		}
	}
	return Scenario{
		Name: "TLS to plaintext/" + c.name + "-" + s.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, s, serverSettings{})
			argv := c.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
			cli := start(t, get, append([]string{"timeout", "4"}, argv...)...)
			p := l.finish(t, srv, cli, c.comm)
			p.Client.PID = 0 // the pid is that of timeout(1)
			return p
		},
		Truth: Truth{
			Reasons:    reasons,
			Vague:      []event.Reason{event.HandshakeTimeout, event.ClosedByClient, event.Malformed},
			GaveUp:     []event.Side{event.Client, event.Server},
			LookAt:     eitherEnd,
			AnyPreface: true,
		},
	}
}
