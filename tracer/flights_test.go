package tracer_test

import (
	"crypto/tls"
	"maps"
	"net"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

// TestFlightsAreCounted: the counters by which packets are let go without a look-up are right, however a connection ends. One that is too
// low would hide a handshake; one that is too high would cost others.
func TestFlightsAreCounted(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true, AlikePerSecond: 1_000_000})
	ca := newAuthority(t)
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
	healthy, distrusting := &tls.Config{ServerName: "localhost", RootCAs: ca.pool}, &tls.Config{ServerName: "localhost"}
	for range 20 {
		if err := dial(t, "tcp", server, healthy); err != nil {
			t.Fatal(err)
		}
		if dial(t, "tcp", server, distrusting) == nil {
			t.Fatal("the handshake succeeded without the authority's certificate")
		}
		resetsAfterAnExchange(t, server, ca)
	}
	var open []net.Conn
	for range 20 { // nothing is said on them
		c, err := net.Dial("tcp", server.String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	wantFlights(t, w, len(open))
	for _, c := range open {
		_ = c.Close()
	}
	wantFlights(t, w, 0)
}

// wantFlights waits until the counters say what is there, in at least so many places.
func wantFlights(t *testing.T, w *watched, atLeast int) {
	t.Helper()
	var counted, there map[uint64]uint32
	eventually(t, "counters and entries are alike", func() bool {
		var err error
		if counted, there, err = w.Flights(); err != nil {
			t.Fatal(err)
		}
		return maps.Equal(counted, there) && len(there) >= atLeast
	})
}
