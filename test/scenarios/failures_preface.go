package scenarios

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// preface is something that comes before TLS on the same connection.
type preface struct {
	name string
	kind event.Preface
	play func(t testing.TB, l *Lab, pair keyPair) Played
}

var prefaces = []preface{
	{"proxy v1", event.PrefaceProxyV1, proxyV1},
	{"proxy v2", event.PrefaceProxyV2, proxyV2},
	{"smtp", event.PrefaceSMTP, startTLS("smtp")},
	{"postgres", event.PrefacePostgres, startTLS("postgres")},
	{"connect", event.PrefaceConnect, throughTunnel},
}

// prefaceScenarios is a failing and a healthy handshake behind each preface.
func prefaceScenarios() []Scenario {
	var all []Scenario
	for _, p := range prefaces {
		bad := badCertificates[0]
		w := bad.truth(pairing{tls.VersionTLS13, "", "openssl"})
		if p.kind == event.PrefaceProxyV2 {
			w = bad.truth(pairing{tls.VersionTLS13, "", "go"})
		}
		w.Preface = p.kind
		all = append(all,
			Scenario{
				Name: "preface/" + p.name + "/expired", Failure: "expired, behind a preface",
				Play: p.of(func(k *pki) keyPair { return k.expired }), Truth: w,
			},
			Scenario{
				Name: "preface/" + p.name + "/healthy", Failure: "healthy, behind a preface",
				Play: p.of(func(k *pki) keyPair { return k.ok }), Truth: Truth{Certainty: Never},
			})
	}
	return append(all, postgresWithoutTLS())
}

func (p preface) of(pair func(*pki) keyPair) func(testing.TB, *Lab) Played {
	return func(t testing.TB, l *Lab) Played { return p.play(t, l, pair(l.pki)) }
}

func proxyV1(t testing.TB, l *Lab, pair keyPair) Played {
	srv := l.serve(t, nginxServer, serverSettings{pair: pair, versions: anyVersion, proxy: true})
	argv := curlClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
	return l.finish(t, srv, start(t, "", append(argv, "--haproxy-protocol")...), "curl")
}

func proxyV2(t testing.TB, l *Lab, pair keyPair) Played {
	srv := l.serve(t, nginxServer, serverSettings{pair: pair, versions: anyVersion, proxy: true})
	argv := goClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
	return l.finish(t, srv, start(t, "", append(argv, "--start", "proxy2")...), "gopeer")
}

// startTLS is openssl s_client, which knows the protocol, and a server that knows just enough of it.
func startTLS(protocol string) func(testing.TB, *Lab, keyPair) Played {
	return func(t testing.TB, l *Lab, pair keyPair) Played {
		srv := l.upgrading(t, protocol, pair)
		argv := opensslClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
		return l.finish(t, srv, start(t, get, append(argv, "-starttls", protocol)...), "openssl")
	}
}

func (l *Lab) upgrading(t testing.TB, protocol string, pair keyPair) *server {
	t.Helper()
	return l.listen(t, func(port int) *process {
		return start(t, "", l.gopeer, "server", "--start", protocol, "--port", strconv.Itoa(port),
			"--cert", pair.cert, "--key", pair.key)
	})
}

// throughTunnel is curl behind a proxy. The same handshake fails on two connections; the one to the proxy is judged here.
func throughTunnel(t testing.TB, l *Lab, pair keyPair) Played {
	srv := l.serve(t, nginxServer, serverSettings{pair: pair, versions: anyVersion})
	proxy := l.listen(t, func(port int) *process {
		return start(t, "", l.gopeer, "tunnel", "--port", strconv.Itoa(port))
	})
	cli := start(t, "", "curl", "-sSv", "--max-time", "8", "--cacert", l.pki.ca,
		"--proxy", fmt.Sprintf("http://127.0.0.1:%d", proxy.port), "https://"+net.JoinHostPort(serverName, strconv.Itoa(srv.port)))
	return l.finish(t, proxy, cli, "curl")
}

// postgresWithoutTLS is a server that answers an SSLRequest with N; the client takes that for the end.
func postgresWithoutTLS() Scenario {
	return Scenario{
		Name: "preface/postgres/refused",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.upgrading(t, "postgres-no", l.pki.ok)
			argv := opensslClient.argv(t, l, srv.port, clientSettings{host: "127.0.0.1", ca: l.pki.ca, versions: anyVersion})
			return l.finish(t, srv, start(t, get, append(argv, "-starttls", "postgres")...), "openssl")
		},
		Truth: Truth{
			Certainty: May, // a client that can do without TLS goes on in plaintext, which is healthy
			Reasons:   []event.Reason{event.TLSToPlaintext},
			Vague:     []event.Reason{event.ClosedByClient, event.ResetByClient, event.NegotiationFailed},
			GaveUp:    []event.Side{event.Client, event.Server},
			LookAt:    eitherEnd,
			Preface:   event.PrefacePostgres,
		},
	}
}
