package tracer_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// totalsOf returns what was counted for a port, by role.
func totalsOf(t *testing.T, w *watched, port uint16) map[event.Side]tracer.Total {
	t.Helper()
	totals, err := w.Totals()
	if err != nil {
		t.Fatal(err)
	}
	byRole := map[event.Side]tracer.Total{}
	for _, total := range totals {
		if total.Port == port {
			byRole[total.Role] = total
		}
	}
	return byRole
}

func TestTotals(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	ca := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
			const succeed, fail = 20, 3
			for range succeed {
				if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", RootCAs: ca.pool, MaxVersion: version}); err != nil {
					t.Fatal(err)
				}
			}
			for range fail {
				if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", MaxVersion: version}); err == nil {
					t.Fatal("an unknown CA was accepted")
				}
				w.next(t, server.Port())
			}
			byRole := totalsOf(t, w, server.Port())
			for _, role := range []event.Side{event.Client, event.Server} {
				got := byRole[role]
				if got.Succeeded != succeed || got.Ended != fail {
					t.Errorf("%s: %d succeeded and %d ended, want %d and %d", role, got.Succeeded, got.Ended, succeed, fail)
				}
				checkLatency(t, got.Latency, succeed)
			}
		})
	}
}

// checkLatency makes sure that every handshake is in a bucket, and that the sum lies within what the buckets allow.
func checkLatency(t *testing.T, l tracer.Latency, want uint64) {
	t.Helper()
	var n uint64
	var low, high float64
	for i, count := range l.Buckets {
		top := float64(uint64(1)<<i) / (1 << 20)
		n += count
		low += float64(count) * top / 2
		high += float64(count) * top
	}
	if n != want {
		t.Errorf("%d handshakes in the buckets, want %d", n, want)
	}
	if l.Sum < low*0.999 || l.Sum > high*1.001 {
		t.Errorf("a sum of %g s, want from %g to %g", l.Sum, low, high)
	}
}

func TestLatencyGrowsWithTheHandshake(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	ca := newAuthority(t)
	const pause = 80 * time.Millisecond // within the handshake: the server makes its certificate wait
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		time.Sleep(pause)
		return &ca.leaf, nil
	}})
	if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", RootCAs: ca.pool}); err != nil {
		t.Fatal(err)
	}
	w.none(t, server.Port())
	for role, total := range totalsOf(t, w, server.Port()) {
		if total.Latency.Sum < pause.Seconds() {
			t.Errorf("%s: %g s, want at least %g", role, total.Latency.Sum, pause.Seconds())
		}
	}
}

func TestResetsAreCounted(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	hooks := w.Hooks()
	before, err := w.Resets()
	if err != nil {
		t.Fatal(err)
	}
	refusedPort(t)
	server := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = c.Read(make([]byte, 5)); _ = c.Close() })
	c, err := net.Dial("tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(clientHello(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("the server did not reset the connection")
	}
	w.next(t, server.Port())
	after, err := w.Resets()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		purpose tracer.Purpose
		key     tracer.ResetKey
	}{
		{tracer.PurposeResetReceive, tracer.ResetKey{Direction: "received", Phase: "connect"}},
		{tracer.PurposeResetReceive, tracer.ResetKey{Direction: "received", Phase: "handshake"}},
		{tracer.PurposeResetSent, tracer.ResetKey{Direction: "sent", Phase: "handshake"}},
	} {
		if hooks[tc.purpose] != "" && after[tc.key] == before[tc.key] {
			t.Errorf("%+v was not counted", tc.key)
		}
	}
}

func TestProgramsHaveNames(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	programs, err := w.Programs()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range programs {
		names[p.Name] = true
	}
	if !names["packet_sent"] || !names["packet_received"] || !names["socket_event"] {
		t.Errorf("programs %v", names)
	}
}
