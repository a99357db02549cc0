package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// patience bounds every read and write: no scenario may hang.
const patience = 20 * time.Second

// end plays one end of a connection and closes it.
type end func(*exchange, *net.TCPConn) error

// exchange is what both ends of a scenario share.
type exchange struct {
	pki     *pki
	version uint16 // of TLS; 0 for any
	// A session that one connection leaves, the next one of the scenario can resume.
	sessions   tls.ClientSessionCache
	tickets    [32]byte
	handshakes int // that the client saw to their end
}

// option changes the configuration of one end.
type option func(*exchange, *tls.Config)

func (x *exchange) config(change option) *tls.Config {
	c := &tls.Config{
		ServerName: serverName, RootCAs: x.pki.roots, ClientCAs: x.pki.roots,
		MinVersion: x.version, MaxVersion: x.version,
	}
	if change != nil {
		change(x, c)
	}
	return c
}

// present shows a certificate of the PKI, and says so however little the other end asks for it.
func present(name string) option {
	return func(x *exchange, c *tls.Config) {
		certificate := x.pki.certificates[name]
		c.Certificates = []tls.Certificate{certificate}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	}
}

func only(version uint16) option {
	return func(_ *exchange, c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }
}

func cipher(suite uint16) option {
	return func(_ *exchange, c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite} }
}

func alpn(protocol string) option {
	return func(_ *exchange, c *tls.Config) { c.NextProtos = []string{protocol} }
}

func askCertificate(_ *exchange, c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }

// resume expects the second connection to resume the session of the first.
func resume(x *exchange, c *tls.Config) {
	c.ClientSessionCache = x.sessions
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if x.handshakes++; x.handshakes > 1 && !state.DidResume {
			return errors.New("the session was not resumed")
		}
		return nil
	}
}

// noCertificate has none for any name, which crypto/tls tells as unrecognized_name.
func noCertificate(_ *exchange, c *tls.Config) {
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
}

// tlsServer answers one line with one line.
func tlsServer(change option) end {
	return func(x *exchange, tcp *net.TCPConn) error {
		config := x.config(change)
		if config.Certificates == nil && config.GetCertificate == nil {
			present("server")(x, config)
		}
		config.SetSessionTicketKeys([][32]byte{x.tickets})
		conn := tls.Server(tcp, config)
		return errors.Join(answer(conn), ignoreClosed(conn.Close()))
	}
}

func tlsClient(change option) end {
	return func(x *exchange, tcp *net.TCPConn) error {
		conn := tls.Client(tcp, x.config(change))
		return errors.Join(ask(conn), ignoreClosed(conn.Close()))
	}
}

// resetAfterwards is a client that is done and does not care to say goodbye.
func resetAfterwards(x *exchange, tcp *net.TCPConn) error {
	err := ask(tls.Client(tcp, x.config(nil)))
	return errors.Join(err, reset(tcp))
}

func plainServer(_ *exchange, tcp *net.TCPConn) error { return errors.Join(answer(tcp), tcp.Close()) }
func plainClient(_ *exchange, tcp *net.TCPConn) error { return errors.Join(ask(tcp), tcp.Close()) }
func probe(_ *exchange, tcp *net.TCPConn) error       { return tcp.Close() }

// ask and answer have each end both send and receive, so that a refusal which comes late is seen.
func ask(conn net.Conn) error {
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	return expect(conn, "pong")
}

func answer(conn net.Conn) error {
	if err := expect(conn, "ping"); err != nil {
		return err
	}
	_, err := io.WriteString(conn, "pong")
	return err
}

func expect(conn net.Conn, word string) error {
	got := make([]byte, len(word))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != word {
		return fmt.Errorf("got %q, want %q", got, word)
	}
	return nil
}

// helloThenReset hears the server out and resets in the middle of the handshake.
func helloThenReset(x *exchange, tcp *net.TCPConn) error {
	return errors.Join(hello(x, tcp), hear(tcp), reset(tcp))
}

func helloThenFIN(x *exchange, tcp *net.TCPConn) error {
	return errors.Join(hello(x, tcp), hear(tcp), tcp.Close())
}

// impatient gives up on a server that says nothing.
func impatient(x *exchange, tcp *net.TCPConn) error {
	err := hello(x, tcp)
	time.Sleep(2 * time.Second)
	return errors.Join(err, tcp.Close())
}

func stall(_ *exchange, tcp *net.TCPConn) error {
	_, err := io.Copy(io.Discard, tcp)
	return errors.Join(err, tcp.Close())
}

func readThenReset(_ *exchange, tcp *net.TCPConn) error {
	_, err := readOnce(tcp, 1<<16)
	return errors.Join(err, reset(tcp))
}

func readThenFIN(_ *exchange, tcp *net.TCPConn) error {
	_, err := readOnce(tcp, 1<<16)
	return errors.Join(err, tcp.Close())
}

// closeUnread closes while there is something to read, which the kernel answers with a reset.
func closeUnread(_ *exchange, tcp *net.TCPConn) error {
	_, err := readOnce(tcp, 1)
	return errors.Join(err, tcp.Close())
}

func httpClient(_ *exchange, tcp *net.TCPConn) error {
	_, err := io.WriteString(tcp, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	return errors.Join(err, hear(tcp), tcp.Close())
}

func httpServer(_ *exchange, tcp *net.TCPConn) error {
	_, err := readOnce(tcp, 1<<16)
	_, wrote := io.WriteString(tcp, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	return errors.Join(err, wrote, tcp.Close())
}

// Headers of a record that holds 68 bytes: a ClientHello of 64, and a handshake message of no known type that claims 10 MB.
var (
	garbledHello     = []byte{0x16, 0x03, 0x01, 0x00, 0x44, 0x01, 0x00, 0x00, 0x40}
	garbledHandshake = []byte{0x16, 0x03, 0x01, 0x00, 0x44, 0xa5, 0xa5, 0xa5, 0xa5}
)

// garbage sends headers and 64 bytes that are none of what the headers promise.
func garbage(headers []byte) end {
	return func(_ *exchange, tcp *net.TCPConn) error {
		_, err := tcp.Write(append(slices.Clone(headers), bytes.Repeat([]byte{0xa5}, 0x40)...))
		return errors.Join(err, hear(tcp), tcp.Close())
	}
}

// hello sends the ClientHello of crypto/tls and nothing else.
func hello(x *exchange, tcp *net.TCPConn) error {
	if err := tls.Client(mute{tcp}, x.config(nil)).Handshake(); !errors.Is(err, errMute) {
		return fmt.Errorf("send a ClientHello: %w", err)
	}
	return nil
}

// mute is a connection from which nothing is read.
type mute struct{ *net.TCPConn }

var errMute = errors.New("nothing is read here")

func (mute) Read([]byte) (int, error) { return 0, errMute }

// hear reads until the other end has paused or closed.
func hear(tcp *net.TCPConn) error {
	for {
		if err := tcp.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return err
		}
		_, err := tcp.Read(make([]byte, 1<<16))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func readOnce(tcp *net.TCPConn, most int) (int, error) { return tcp.Read(make([]byte, most)) }

// reset closes with an RST.
func reset(tcp *net.TCPConn) error { return errors.Join(tcp.SetLinger(0), tcp.Close()) }

// ignoreClosed drops the error of a goodbye that the other end did not wait for: the connection was closed all the same.
func ignoreClosed(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return nil
	}
	return err
}
