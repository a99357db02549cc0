package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds everything that a peer of the demo waits for; the client of a stalled server gives up after it.
const patience = 2 * time.Second

// serverSide starts to listen on loopback, on a port that the kernel chooses, and returns the address.
// It serves until the process ends.
type serverSide func(kit) (string, error)

// clientSide makes the connections of one scenario. What it returns is what its own TLS library said.
type clientSide func(kit, string) error

// tweak changes one thing of a TLS configuration.
type tweak func(kit, *tls.Config) error

// with shows a certificate: a client its own also when the server's list of authorities tells it not to.
func with(pair string) tweak {
	return func(k kit, c *tls.Config) error {
		cert, err := k.certificate(pair)
		c.Certificates = []tls.Certificate{cert}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return err
	}
}

func only(version uint16) tweak {
	return func(_ kit, c *tls.Config) error { c.MinVersion, c.MaxVersion = version, version; return nil }
}

func upTo(version uint16) tweak {
	return func(_ kit, c *tls.Config) error { c.MaxVersion = version; return nil }
}

func ciphers(suites ...uint16) tweak {
	return func(_ kit, c *tls.Config) error { c.CipherSuites = suites; c.MaxVersion = tls.VersionTLS12; return nil }
}

func groups(ids ...tls.CurveID) tweak {
	return func(_ kit, c *tls.Config) error { c.CurvePreferences = ids; return nil }
}

func speaks(protocols ...string) tweak {
	return func(_ kit, c *tls.Config) error { c.NextProtos = protocols; return nil }
}

func askClient(k kit, c *tls.Config) error {
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, k.pool()
	return nil
}

// remembers keeps sessions between the connections of one scenario.
func remembers() tweak {
	cache := tls.NewLRUClientSessionCache(1)
	return func(_ kit, c *tls.Config) error { c.ClientSessionCache = cache; return nil }
}

func apply(k kit, c *tls.Config, tweaks []tweak) (*tls.Config, error) {
	for _, t := range tweaks {
		if err := t(k, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tlsServer answers every connection that gets through its handshake with four bytes.
func tlsServer(tweaks ...tweak) serverSide {
	return func(k kit) (string, error) {
		config, err := apply(k, &tls.Config{MinVersion: tls.VersionTLS12}, append([]tweak{with(pairGood)}, tweaks...))
		if err != nil {
			return "", err
		}
		return listen(func(conn net.Conn) { answer(tls.Server(conn, config)) })
	}
}

// plainHTTP answers whatever comes as a web server without TLS does.
func plainHTTP(kit) (string, error) {
	return listen(overHTTP)
}

func overHTTP(conn net.Conn) {
	buffer := make([]byte, 4096)
	if _, err := conn.Read(buffer); err != nil {
		return
	}
	if string(buffer[:4]) == "GET " {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	_, _ = io.Copy(io.Discard, conn)
}

// nobody holds a port without listening on it, so that a connect is refused and nobody else takes the port.
func nobody(kit) (string, error) {
	held, err := hold(netip.MustParseAddrPort("127.0.0.1:0"))
	return held.String(), err
}

// hold takes a port of this machine, or any free one for 0, for as long as the process lives, and does not listen on it.
func hold(at netip.AddrPort) (netip.AddrPort, error) {
	family := unix.AF_INET
	var address unix.Sockaddr
	if at.Addr().Is4() {
		address = &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	} else {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return at, fmt.Errorf("making a socket: %w", err)
	}
	if err := unix.Bind(fd, address); err != nil {
		return at, errors.Join(fmt.Errorf("holding port %d: %w", at.Port(), err), unix.Close(fd))
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return at, errors.Join(fmt.Errorf("asking for the port: %w", err), unix.Close(fd))
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(at.Addr(), uint16(name.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(at.Addr(), uint16(name.Port)), nil
	}
	return at, nil
}

// afterHello reads one TLS record and then ends the connection in its own way.
func afterHello(end func(*net.TCPConn)) serverSide {
	return func(kit) (string, error) {
		return listen(func(conn net.Conn) {
			if readRecord(conn) == nil {
				end(conn.(*net.TCPConn))
			}
		})
	}
}

func closes(conn *net.TCPConn) { _ = conn.Close() }
func stall(conn *net.TCPConn)  { _, _ = io.Copy(io.Discard, conn) }
func reset(conn *net.TCPConn)  { _ = conn.SetLinger(0); _ = conn.Close() }

func readRecord(r io.Reader) error {
	header := make([]byte, 5)
	if _, err := io.ReadFull(r, header); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint16(header[3:])))
	return err
}

// listen serves each connection with handle, and closes it.
func listen(handle func(net.Conn)) (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening on loopback: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * patience))
				handle(conn)
			}()
		}
	}()
	return l.Addr().String(), nil
}

// answer reads four bytes, sends four back, and waits for the client to close.
func answer(conn *tls.Conn) {
	var ping [4]byte
	if _, err := io.ReadFull(conn, ping[:]); err != nil {
		return
	}
	_, _ = conn.Write(ping[:])
	_, _ = io.Copy(io.Discard, conn)
}

// tlsClient does one handshake, sends four bytes and reads the answer.
func tlsClient(tweaks ...tweak) clientSide {
	return func(k kit, addr string) error {
		config, err := apply(k, &tls.Config{RootCAs: k.pool(), ServerName: k.Name}, tweaks)
		if err != nil {
			return err
		}
		conn, err := dial(addr)
		if err != nil {
			return err
		}
		return ask(tls.Client(conn, config))
	}
}

func ask(conn *tls.Conn) error {
	defer conn.Close()
	if _, err := conn.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 4))
	return err
}

// sends writes bytes and reads until the server closes.
func sends(text string) clientSide {
	return func(_ kit, addr string) error {
		conn, err := dial(addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, conn)
		return err
	}
}

// connects is what a load balancer's health check does: no byte is sent.
func connects(_ kit, addr string) error {
	conn, err := dial(addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// afterOneGood does a healthy handshake first, so that the port is known to speak TLS.
func afterOneGood(then clientSide) clientSide {
	return func(k kit, addr string) error { return errors.Join(tlsClient()(k, addr), then(k, addr)) }
}

func twice(c clientSide) clientSide {
	return func(k kit, addr string) error { return errors.Join(c(k, addr), c(k, addr)) }
}

// resetOnAnswer resets the connection as soon as the server answers the hello.
func resetOnAnswer(k kit, addr string) error {
	conn, err := dial(addr)
	if err != nil {
		return err
	}
	return ask(tls.Client(impatient{conn}, &tls.Config{RootCAs: k.pool(), ServerName: k.Name}))
}

// impatient is a connection that resets at the first byte it gets.
type impatient struct{ *net.TCPConn }

// Read never succeeds.
func (c impatient) Read(b []byte) (int, error) {
	_, _ = c.TCPConn.Read(b)
	reset(c.TCPConn)
	return 0, io.ErrClosedPipe
}

func dial(addr string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn), nil
}
