package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// drillName is the domain of all names that a drill asks for; .invalid is nobody's (RFC 6761 section 6.4). drillOther is the name in the
// certificate that is for another one.
const (
	drillName  = "drill.tlstrace.invalid"
	drillOther = "another.tlstrace.invalid"
)

// drillFailure is a failure that can be made on purpose, and the alert that has to follow.
type drillFailure struct {
	reason event.Reason
	alert  string // by its name in deploy/alerts
	// count failures, one after the other every so often, are what makes that alert's expression true, whatever else the workload does not do.
	count int
	every time.Duration
	at    func(drillOffer) uint16 // the server's port
	// server changes the server's settings for the failure, or ends the connection in its own way with the client's hello read.
	server tweak
	end    func(*net.TCPConn)
	client drillClient
	// library says that only the TLS library knows the reason: the agent has to have probes in it.
	library bool
}

// drillClient makes a connection of its own, and returns what its own TLS library made of it.
type drillClient func(conn net.Conn, config *tls.Config) error

// Ports of a drill's server.
func atTLS(o drillOffer) uint16    { return o.TLS }
func atPlain(o drillOffer) uint16  { return o.Plain }
func atClosed(o drillOffer) uint16 { return o.Closed }

// The alerts of reasons that have none of their own ask for a rate: 0.1 a second in the mean of two minutes, seen in three scrapes.
const (
	rateCount = 20
	rateEvery = 4 * time.Second
)

// drillFailures are all of them, in the order in which they are listed.
//
// The certificate's failures that an alert has a name for are made in TLS 1.2, where it is sent in clear, and by a client that sends the
// alert that OpenSSL does. Then the reason is on the wire, and the drill does not depend on the probes in Go's library.
func drillFailures() []drillFailure {
	shake := func(tweaks ...tweak) drillClient { return handshakes(0, tweaks...) }
	plain12 := func(alert byte) drillClient { return handshakes(alert, only(tls.VersionTLS12)) }
	rate := func(f drillFailure) drillFailure {
		f.alert, f.count, f.every = "TLSServerFailing", rateCount, rateEvery
		return f
	}
	few := func(alert string, f drillFailure) drillFailure {
		f.alert, f.count, f.at = alert, 3, atTLS
		return f
	}
	return []drillFailure{
		few("TLSCertificateExpired", drillFailure{reason: event.CertificateExpired, server: with(pairExpired), client: plain12(45)}),
		few("TLSCertificateRefused", drillFailure{reason: event.UnknownCA, server: with(pairOtherCA), client: plain12(48)}),
		few("TLSCertificateRefused", drillFailure{reason: event.NameMismatch, server: with(pairOtherName), client: shake(), library: true}),
		few("TLSPlaintextToStrict", drillFailure{reason: event.ClientCertificateRequired, server: askClient, client: shake()}),
		few("TLSPlaintextToStrict", drillFailure{reason: event.PlaintextToTLS, client: speaksHTTP}),
		rate(drillFailure{reason: event.TLSToPlaintext, at: atPlain, client: shake()}),
		rate(drillFailure{reason: event.ProtocolVersion, at: atTLS, server: upTo(tls.VersionTLS12), client: shake(only(tls.VersionTLS13))}),
		rate(drillFailure{reason: event.NoSharedALPN, at: atTLS, server: speaks("h2"), client: shake(speaks("http/1.0"))}),
		rate(drillFailure{reason: event.ResetByServer, at: atTLS, end: reset, client: shake()}),
		rate(drillFailure{reason: event.ClosedByServer, at: atTLS, end: closes, client: shake()}),
		rate(drillFailure{reason: event.HandshakeTimeout, at: atTLS, end: stall, client: shake()}),
		// A rate of 0.1 a second in the mean of five minutes.
		{reason: event.ConnectionRefused, alert: "TLSConnectFailures", count: 40, every: 3 * time.Second, at: atClosed},
	}
}

// drillReasons are their reasons.
func drillReasons() []string {
	var all []string
	for _, f := range drillFailures() {
		all = append(all, string(f.reason))
	}
	return all
}

// sni is the name that the failure's clients ask for: the server knows by it how to fail, and a person whom to ignore.
func (f drillFailure) sni() string {
	return strings.ReplaceAll(string(f.reason), "_", "-") + "." + drillName
}

// handshakes does one handshake, sends four bytes and reads the answer. If alert is not 0, a certificate that is refused is refused by it.
func handshakes(alert byte, tweaks ...tweak) drillClient {
	return func(conn net.Conn, config *tls.Config) error {
		config, err := apply(kit{}, config, tweaks)
		if err != nil {
			return err
		}
		if alert != 0 {
			conn = frankConn{conn, alert}
		}
		return ask(tls.Client(conn, config))
	}
}

// speaksHTTP sends a request in clear.
func speaksHTTP(conn net.Conn, _ *tls.Config) error {
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", drillName); err != nil {
		return err
	}
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	return fmt.Errorf("the server answered with %d bytes", n)
}

// frankConn is a connection whose alerts say why. Go's client refuses every certificate by bad_certificate; OpenSSL's says what is wrong
// with it (RFC 5246 section 7.2.2).
type frankConn struct {
	net.Conn
	alert byte
}

// Write sends a plaintext bad_certificate as the alert that is meant.
func (c frankConn) Write(record []byte) (int, error) {
	const recordAlert, badCertificate = 21, 42
	if len(record) == 7 && record[0] == recordAlert && record[6] == badCertificate {
		record = append(append([]byte(nil), record[:6]...), c.alert)
	}
	return c.Conn.Write(record)
}
