package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// What a drill's server bears.
const (
	drillConns    = 64               // connections at a time
	drillPatience = 10 * time.Second // for each of them
)

// drillSchema names what a drill's server says of itself. A client that does not get it makes no failure.
const drillSchema = "tlstrace.drill/v1"

// drillOffer is what a client has to know to have its handshakes fail. The server tells it to those who ask it by the name drillName.
type drillOffer struct {
	Schema  string `json:"schema"`
	Trusted string `json:"trusted"` // the authority of its good certificates, PEM
	TLS     uint16 `json:"tls"`     // the port that it fails handshakes on
	Plain   uint16 `json:"plain"`   // the port that speaks HTTP in clear
	Closed  uint16 `json:"closed"`  // the port that nobody listens on
}

// drillServer fails handshakes, in the way that the name says that the client asks for.
type drillServer struct {
	kit   kit
	offer drillOffer
	ways  map[string]drillFailure // by SNI
	stop  []io.Closer
	serve sync.WaitGroup
}

// newDrillServer listens on an address and the two ports after it; with port 0 on three free ones.
func newDrillServer(at netip.AddrPort, now time.Time) (*drillServer, error) {
	k, err := newKit("*."+drillName, drillOther, now)
	if err != nil {
		return nil, err
	}
	s := &drillServer{kit: k, ways: map[string]drillFailure{}, offer: drillOffer{Schema: drillSchema, Trusted: k.Trusted}}
	for _, f := range drillFailures() {
		s.ways[f.sni()] = f
	}
	closed, err := hold(after(at, 2))
	if err != nil {
		return nil, err
	}
	s.offer.Closed = closed.Port()
	if s.offer.Plain, err = s.listen(after(at, 1), func(conn *net.TCPConn) { overHTTP(conn) }); err == nil {
		s.offer.TLS, err = s.listen(at, s.shake)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// after is an address n ports on, and any free port still if it is 0.
func after(at netip.AddrPort, n uint16) netip.AddrPort {
	if at.Port() == 0 {
		return at
	}
	return netip.AddrPortFrom(at.Addr(), at.Port()+n)
}

// listen serves each connection with handle, a bounded number at a time and each for a bounded time, and returns the port.
func (s *drillServer) listen(at netip.AddrPort, handle func(*net.TCPConn)) (uint16, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return 0, fmt.Errorf("listening for the drill: %w", err)
	}
	s.stop = append(s.stop, l)
	slots := make(chan struct{}, drillConns)
	s.serve.Go(func() {
		for {
			slots <- struct{}{}
			conn, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close(); <-slots }()
				_ = conn.SetDeadline(time.Now().Add(drillPatience))
				handle(conn)
			}()
		}
	})
	return uint16(l.Addr().(*net.TCPAddr).Port), nil
}

// Close stops to listen.
func (s *drillServer) Close() error {
	var errs []error
	for _, c := range s.stop {
		errs = append(errs, c.Close())
	}
	s.serve.Wait()
	return errors.Join(errs...)
}

// shake does the handshake that the client asks for by name.
func (s *drillServer) shake(conn *net.TCPConn) {
	good := func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		tweaks := []tweak{with(pairGood)}
		if way := s.ways[hello.ServerName]; way.server != nil {
			tweaks = append(tweaks, way.server)
		} else if way.end != nil {
			way.end(conn)
			_ = conn.Close() // before an alert is sent
			return nil, net.ErrClosed
		}
		return apply(s.kit, config, tweaks)
	}
	secured := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: good})
	if secured.Handshake() == nil && secured.ConnectionState().ServerName == drillName {
		_ = json.NewEncoder(secured).Encode(s.offer) // who went away needs no offer
		return
	}
	answer(secured)
}

// maxOffer bounds what is read of an offer in bytes.
const maxOffer = 16 << 10

// askOffer asks a drill's server what it offers. Whoever else answers there is left alone from then on.
//
// Nothing is proven by the certificate that it shows: the authority to trust is in the offer, and serves for nothing but failures.
func askOffer(address string) (drillOffer, error) {
	var o drillOffer
	conn, err := dial(address)
	if err != nil {
		return o, fmt.Errorf("asking for a drill's server: %w", err)
	}
	secured := tls.Client(conn, &tls.Config{ServerName: drillName, InsecureSkipVerify: true})
	defer secured.Close()
	if err := json.NewDecoder(io.LimitReader(secured, maxOffer)).Decode(&o); err != nil || o.Schema != drillSchema || o.Closed == 0 || o.Plain == 0 {
		return o, fmt.Errorf("%s is no drill's server (tlstrace drill serve): nothing is made to fail there", address)
	}
	return o, nil
}
