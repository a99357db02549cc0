package mesh_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// proxySettings are the flags of a sidecar.
type proxySettings struct {
	outbound, inbound int    // ports to listen on
	cert, key, ca     string // its own certificate, and the root that it trusts
	endpoint          string // where the service is
	domain            string // trust domain that it wants of the server; "": any
	permissive        bool   // lets plaintext in
}

func parseProxy(args []string) (*proxySettings, error) {
	s := new(proxySettings)
	f := flag.NewFlagSet("sidecar", flag.ContinueOnError)
	f.IntVar(&s.outbound, "outbound", 0, "")
	f.IntVar(&s.inbound, "inbound", 0, "")
	f.StringVar(&s.cert, "cert", "", "")
	f.StringVar(&s.key, "key", "", "")
	f.StringVar(&s.ca, "ca", "", "")
	f.StringVar(&s.endpoint, "endpoint", "", "")
	f.StringVar(&s.domain, "domain", "", "")
	f.BoolVar(&s.permissive, "permissive", false, "")
	return s, f.Parse(args)
}

// accept hands each connection to a port to a function, and closes it afterwards.
func accept(port int, handle func(*net.TCPConn) error) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if err := handle(conn.(*net.TCPConn)); err != nil {
				fmt.Println(conn.RemoteAddr(), err)
			}
		}()
	}
}

// becomeProxy gives up root: the rules of a pod know its proxy by its user.
func becomeProxy() error {
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(proxyUID), syscall.Setuid(proxyUID))
}

// sidecar is a proxy that does what Istio's does with connections that the rules send it.
func sidecar(args []string) error {
	s, err := parseProxy(args)
	if err != nil {
		return err
	}
	client, server, err := s.configs()
	if err != nil {
		return err
	}
	if err := becomeProxy(); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- accept(s.outbound, func(c *net.TCPConn) error { return s.leave(c, client) }) }()
	go func() { ended <- accept(s.inbound, func(c *net.TCPConn) error { return s.arrive(c, server) }) }()
	return <-ended
}

// configs reads the certificates, for what leaves and for what arrives.
func (s *proxySettings) configs() (client, server *tls.Config, err error) {
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, nil, errors.New("no certificate in " + s.ca)
	}
	client = &tls.Config{ServerName: istioSNI, RootCAs: roots, NextProtos: []string{"istio"}, VerifyConnection: s.ofDomain}
	server = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, NextProtos: []string{"istio"}}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, nil, err
		}
		// Whatever CAs the other side names: it is to say itself what it thinks of the certificate.
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		server.Certificates = []tls.Certificate{pair}
	}
	return client, server, nil
}

// ofDomain checks the trust domain of the peer's SPIFFE identity, where one is wanted.
func (s *proxySettings) ofDomain(state tls.ConnectionState) error {
	for _, uri := range state.PeerCertificates[0].URIs {
		if s.domain == "" || uri.Host == s.domain {
			return nil
		}
	}
	return errors.New("the peer is not of the trust domain " + s.domain)
}

// leave takes what the application sends to the service over mutual TLS. An application's own TLS goes on as it is, to where it was
// dialed (Istio's PassthroughCluster).
func (s *proxySettings) leave(conn *net.TCPConn, config *tls.Config) error {
	first, err := peek(conn)
	if err != nil {
		return err
	}
	if first == recordHandshake {
		dialed, err := originalDestination(conn)
		if err != nil {
			return err
		}
		upstream, err := net.Dial("tcp", dialed.String())
		if err != nil {
			return err
		}
		return join(conn, upstream)
	}
	upstream, err := tls.Dial("tcp", s.endpoint, config)
	if err == nil { // in TLS 1.3 the server judges the client's certificate afterwards
		return join(conn, upstream)
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	return err
}

// arrive ends mutual TLS for the application. Plaintext is closed on without being read, as Envoy does for want of a filter chain.
func (s *proxySettings) arrive(conn *net.TCPConn, config *tls.Config) error {
	first, err := peek(conn)
	if err != nil {
		return err
	}
	if first != recordHandshake && !s.permissive {
		return errors.New("filter_chain_not_found")
	}
	var peer net.Conn = conn
	if first == recordHandshake {
		secure := tls.Server(conn, config)
		if err := secure.Handshake(); err != nil {
			return err
		}
		peer = secure
	}
	app, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(appPort))
	if err != nil {
		return err
	}
	return join(peer, app)
}

// recordHandshake is the first byte of a ClientHello's record (RFC 8446 section 5.1).
const recordHandshake = 22

// peek returns the first byte that arrives, and leaves it unread.
func peek(conn *net.TCPConn) (byte, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var first [1]byte
	var n int
	var peeked error
	err = raw.Read(func(fd uintptr) bool {
		n, _, peeked = unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK)
		return !errors.Is(peeked, unix.EAGAIN)
	})
	if err == nil && peeked == nil && n == 0 {
		peeked = io.EOF
	}
	return first[0], errors.Join(err, peeked)
}

// originalDestination is what was dialed before the rules changed it (SO_ORIGINAL_DST, linux/netfilter_ipv4.h). The kernel writes a
// struct sockaddr_in; the call is the one of golang.org/x/sys/unix whose result has its length.
func originalDestination(conn *net.TCPConn) (netip.AddrPort, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var at *unix.IPv6Mreq
	var asked error
	err = raw.Control(func(fd uintptr) { at, asked = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST) })
	if err := errors.Join(err, asked); err != nil {
		return netip.AddrPort{}, err
	}
	b := at.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
}

// halfCloser is a connection whose own direction can end first.
type halfCloser interface{ CloseWrite() error }

// join copies both ways, and hands on each end.
func join(a, b net.Conn) error {
	defer a.Close()
	defer b.Close()
	copied := make(chan error, 2)
	one := func(to, from net.Conn) {
		_, err := io.Copy(to, bufio.NewReader(from))
		_ = to.(halfCloser).CloseWrite() // it may be gone
		copied <- err
	}
	go one(a, b)
	go one(b, a)
	return errors.Join(<-copied, <-copied)
}
