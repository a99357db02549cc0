package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// scenario is a connection, or a few alike, in which each end does what its function says. The ends are given the TCP
// connection and close it.
type scenario struct {
	name string
	// versioned says that it is run once with each version of TLS.
	versioned bool
	// connections is how many there are, one after the other; 0 is one.
	connections int
	// introduced says that a healthy connection comes first, reported under the name [introduction]: what is wrong with a
	// plaintext request can be told only if the port is known for TLS.
	introduced bool
	// absent says that nobody listens.
	absent bool
	server end
	client end
}

// introduction is the name of the healthy connection that comes before others.
const introduction = "introduction"

// steps are the connections of a scenario in their order.
func (s scenario) steps() []scenario {
	steps := slices.Repeat([]scenario{s}, max(1, s.connections))
	if s.introduced {
		healthy := scenario{name: introduction, server: s.server, client: tlsClient(nil)}
		steps = slices.Insert(steps, 0, healthy)
	}
	return steps
}

func scenarios() []scenario {
	return slices.Concat(healthy(), refusals(), disagreements(), interruptions(), misunderstandings())
}

// healthy is what no tracer may call a failure.
func healthy() []scenario {
	return []scenario{
		{name: "healthy", versioned: true, server: tlsServer(nil), client: tlsClient(nil)},
		{name: "healthy-mtls", versioned: true, server: tlsServer(askCertificate), client: tlsClient(present("client"))},
		{name: "healthy-resumed", versioned: true, connections: 2, server: tlsServer(nil), client: tlsClient(resume)},
		{name: "healthy-reset", versioned: true, server: tlsServer(nil), client: resetAfterwards},
		{name: "healthy-plain", server: plainServer, client: plainClient},
		{name: "probe", server: tlsServer(nil), client: probe},
	}
}

// refusals are certificates that the other end does not accept.
func refusals() []scenario {
	var all []scenario
	for _, name := range []string{"expired", "not-yet-valid", "self-signed", "unknown-ca", "wrong-name"} {
		all = append(all, scenario{name: name, versioned: true, server: tlsServer(present(name)), client: tlsClient(nil)})
	}
	return append(all,
		scenario{name: "client-cert-missing", versioned: true, server: tlsServer(askCertificate), client: tlsClient(nil)},
		scenario{
			name: "client-cert-unknown-ca", versioned: true,
			server: tlsServer(askCertificate), client: tlsClient(present("client-unknown-ca")),
		},
	)
}

// disagreements are two ends that share no parameter of a kind.
func disagreements() []scenario {
	return []scenario{
		{
			name:   "no-common-version",
			server: tlsServer(only(tls.VersionTLS13)), client: tlsClient(only(tls.VersionTLS12)),
		},
		{
			name:   "no-common-cipher", // TLS 1.2 only: the suites of TLS 1.3 cannot be configured in Go
			server: tlsServer(cipher(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
			client: tlsClient(cipher(tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)),
		},
		{name: "no-common-alpn", versioned: true, server: tlsServer(alpn("h2")), client: tlsClient(alpn("spdy/1"))},
		{name: "unknown-sni", versioned: true, server: tlsServer(noCertificate), client: tlsClient(nil)},
	}
}

// interruptions end a handshake without a word of TLS.
func interruptions() []scenario {
	return []scenario{
		{name: "reset-by-client", versioned: true, server: tlsServer(nil), client: helloThenReset},
		{name: "reset-by-server", versioned: true, server: closeUnread, client: tlsClient(nil)},
		{name: "reset-by-server-linger", versioned: true, server: readThenReset, client: tlsClient(nil)},
		{name: "fin-by-client", versioned: true, server: tlsServer(nil), client: helloThenFIN},
		{name: "fin-by-server", versioned: true, server: readThenFIN, client: tlsClient(nil)},
		{name: "stall", versioned: true, server: stall, client: impatient},
		{name: "refused", absent: true, client: plainClient},
	}
}

// misunderstandings are ends of which one does not speak TLS.
func misunderstandings() []scenario {
	return []scenario{
		{name: "plaintext-to-tls", introduced: true, server: tlsServer(nil), client: httpClient},
		{name: "plaintext-to-unknown", server: tlsServer(nil), client: httpClient},
		{name: "tls-to-plaintext", versioned: true, server: httpServer, client: tlsClient(nil)},
		{name: "garbage", server: tlsServer(nil), client: garbage(garbledHello)},
		{name: "garbage-handshake", server: tlsServer(nil), client: garbage(garbledHandshake)},
	}
}

// choose finds scenarios by their names; "all" is every one.
func choose(names []string) ([]scenario, error) {
	if slices.Equal(names, []string{"all"}) {
		return scenarios(), nil
	}
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: no scenario is named %q: see traffic list", errUnknown, name)
		}
		chosen = append(chosen, scenarios()[i])
	}
	return chosen, nil
}

var errUnknown = errors.New("unknown scenario")
