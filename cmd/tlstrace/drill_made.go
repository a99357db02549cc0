package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// drillTarget is a drill's server, as its clients reach it.
type drillTarget struct {
	host  string
	offer drillOffer
}

// newDrillTarget asks the server at an address what it offers.
func newDrillTarget(address string) (drillTarget, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return drillTarget{}, fmt.Errorf("--connect %q: must be a host and a port", shown(address))
	}
	offer, err := askOffer(address)
	return drillTarget{host, offer}, err
}

// port is where a failure is made.
func (t drillTarget) port(f drillFailure) uint16 { return f.at(t.offer) }

func (t drillTarget) address(f drillFailure) string {
	return net.JoinHostPort(t.host, strconv.Itoa(int(t.port(f))))
}

// made are the failures that were made of one reason.
type made struct {
	failure drillFailure
	count   int
	port    uint16          // of the server
	ports   map[uint16]bool // of the clients; empty if they are not known
	said    string          // what the client's TLS library said of the last one
	passed  int             // connections that did not fail
}

// isMine says whether an event is of a failure that was made here.
func (m *made) isMine(e *event.Event) bool {
	return (e.Server.Port == m.port || e.TCP.Dialed.Port() == m.port) && (len(m.ports) == 0 || m.ports[e.Client.Port])
}

// makeFailures makes them, one after the other, and returns early when ctx is done.
func makeFailures(ctx context.Context, t drillTarget, f drillFailure) (*made, error) {
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(t.offer.Trusted)) {
		return nil, fmt.Errorf("%s offers no authority", t.host)
	}
	m := &made{failure: f, port: t.port(f), ports: map[uint16]bool{}}
	for i := range f.count {
		if i > 0 && !pause(ctx, f.every) {
			return m, ctx.Err()
		}
		err := m.makeOne(t.address(f), &tls.Config{RootCAs: trusted, ServerName: f.sni()})
		m.count++
		if err == nil {
			m.passed++
			continue
		}
		m.said = err.Error()
	}
	return m, nil
}

// makeOne makes one connection, and remembers its port.
func (m *made) makeOne(address string, config *tls.Config) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	if local, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		m.ports[local.Port()] = true
	}
	if m.failure.client == nil {
		return conn.Close() // it was to be refused
	}
	return m.failure.client(conn, config)
}

// pause waits, and says whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
