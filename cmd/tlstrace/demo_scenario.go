package main

import (
	"crypto/tls"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// scenario is one thing that the demo does on purpose, and what tlstrace has to make of it.
type scenario struct {
	name   string // also the key under which its server is found
	server serverSide
	client clientSide
	want   want
}

// want is what has to be reported of a scenario: one failure, or none.
//
// It is what the wire can tell or, where the probes in Go's library can be attached, what that says: the alert that was sent, and on Linux
// 5.15 and later the error behind it. Go's client sends the same alert for every certificate that it refuses, and in TLS 1.3 sends it
// encrypted. A server without a cipher in common sends handshake_failure, which has other causes, too. Go has one error for a
// certificate that is self-signed and for one of an unknown CA.
type want struct {
	reason     event.Reason   // "" for a scenario that is healthy
	library    []event.Reason // exact, from the library, in place of reason; the last says most
	gaveUp     event.Side
	confidence event.Confidence
	successes  int // handshakes that have to be reported as succeeded, at least
	resumed    bool
	helloRetry bool
}

func (w want) healthy() bool { return w.reason == "" }

func failure(reason event.Reason, gaveUp event.Side, confidence event.Confidence) want {
	return want{reason: reason, gaveUp: gaveUp, confidence: confidence}
}

// orExactly adds what the library makes of it.
func (w want) orExactly(reasons ...event.Reason) want {
	w.library = reasons
	return w
}

// scenarios lists all of them, in the order in which they run.
func scenarios() []scenario {
	return slices.Concat(certificateScenarios(), negotiationScenarios(), protocolScenarios(), peerScenarios(), healthyScenarios())
}

func certificateScenarios() []scenario {
	refused12 := failure(event.BadCertificate, event.Client, event.Exact)
	refused13 := func(why event.Reason) want {
		return failure(event.ServerCertificateRejected, event.Client, event.Derived).orExactly(event.BadCertificate, why)
	}
	return []scenario{
		{"expired certificate, TLS 1.2", tlsServer(with(pairExpired)), tlsClient(only(tls.VersionTLS12)), refused12.orExactly(event.CertificateExpired)},
		{"expired certificate, TLS 1.3", tlsServer(with(pairExpired)), tlsClient(), refused13(event.CertificateExpired)},
		{"certificate not yet valid", tlsServer(with(pairNotYetValid)), tlsClient(), refused13(event.CertificateNotYetValid)},
		{"self-signed certificate", tlsServer(with(pairSelfSigned)), tlsClient(), refused13(event.UnknownCA)},
		{"certificate of an unknown CA", tlsServer(with(pairOtherCA)), tlsClient(only(tls.VersionTLS12)), refused12.orExactly(event.UnknownCA)},
		{"certificate for another name", tlsServer(with(pairOtherName)), tlsClient(), refused13(event.NameMismatch)},
		{
			"client certificate missing", tlsServer(askClient), tlsClient(),
			failure(event.ClientCertificateRequired, event.Server, event.Derived).orExactly(event.ClientCertificateRequired),
		},
		{
			"client certificate of another CA", tlsServer(askClient), tlsClient(with(pairOtherCA)),
			failure(event.ClientCertificateRejected, event.Server, event.Derived).orExactly(event.UnknownCA),
		},
	}
}

func negotiationScenarios() []scenario {
	return []scenario{
		{
			"no common version", tlsServer(upTo(tls.VersionTLS12)), tlsClient(only(tls.VersionTLS13)),
			failure(event.ProtocolVersion, event.Server, event.Exact),
		},
		{
			"no common cipher, TLS 1.2",
			tlsServer(ciphers(tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)),
			tlsClient(only(tls.VersionTLS12), ciphers(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
			failure(event.NegotiationFailed, event.Server, event.Exact).orExactly(event.NoSharedCipher),
		},
		{
			"no common ALPN", tlsServer(speaks("h2")), tlsClient(speaks("http/1.0")),
			failure(event.NoSharedALPN, event.Server, event.Exact),
		},
	}
}

func protocolScenarios() []scenario {
	return []scenario{
		{
			"plaintext to a TLS port", tlsServer(), afterOneGood(sends("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n")),
			want{reason: event.PlaintextToTLS, gaveUp: event.Server, confidence: event.Inferred, successes: 1},
		},
		{
			"TLS to a plaintext port", plainHTTP, tlsClient(),
			failure(event.TLSToPlaintext, event.Client, event.Derived),
		},
		{
			"garbage instead of a hello", tlsServer(), sends("\x16\x03\x01\x00\x20" + garbage),
			failure(event.Malformed, event.Server, event.Exact),
		},
	}
}

func peerScenarios() []scenario {
	return []scenario{
		{
			"client resets after the server's hello", tlsServer(), resetOnAnswer,
			failure(event.ResetByClient, event.Client, event.Derived),
		},
		{
			"server resets after the client's hello", afterHello(reset), tlsClient(),
			failure(event.ResetByServer, event.Server, event.Derived),
		},
		{
			"server closes after the client's hello", afterHello(closes), tlsClient(),
			failure(event.ClosedByServer, event.Server, event.Derived),
		},
		{
			"nobody listens", nobody, tlsClient(),
			failure(event.ConnectionRefused, event.Server, event.Exact),
		},
		{
			"server stalls, client gives up", afterHello(stall), tlsClient(),
			failure(event.HandshakeTimeout, event.Client, event.Derived),
		},
	}
}

func healthyScenarios() []scenario {
	one := want{successes: 1}
	return []scenario{
		{"healthy: TLS 1.2", tlsServer(), tlsClient(only(tls.VersionTLS12)), one},
		{"healthy: TLS 1.3", tlsServer(), tlsClient(), one},
		{"healthy: mutual TLS", tlsServer(askClient), tlsClient(with(pairGood)), one},
		{"healthy: session resumed", tlsServer(), twice(tlsClient(remembers())), want{successes: 2, resumed: true}},
		{
			"healthy: hello retry request", tlsServer(groups(tls.CurveP256)), tlsClient(groups(tls.X25519, tls.CurveP256)),
			want{successes: 1, helloRetry: true},
		},
		{"healthy: plain HTTP", plainHTTP, sends("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n"), want{}},
		{"healthy: probe of a TLS port", tlsServer(), connects, want{}},
	}
}

// garbage is a handshake message of 28 bytes and of a type that does not exist (RFC 8446 section 4).
const garbage = "\xfe\x00\x00\x1cgarbage, garbage, garbage, g"
