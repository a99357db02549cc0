package tracer_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// refusedPort connects to a port on which nobody listens, which is an event of its own.
func refusedPort(t testing.TB) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	_ = l.Close()
	if c, err := net.Dial("tcp", addr.String()); err == nil {
		_ = c.Close()
		t.Fatalf("somebody listens on %s", addr)
	}
	return addr.Port()
}

func TestRefusedServerCertificate(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	ca := newAuthority(t)
	for _, tc := range []struct {
		name, network, address string
		version                uint16
		encrypted              bool
	}{
		{"TLS 1.2 over IPv4", "tcp4", "127.0.0.1:0", tls.VersionTLS12, false},
		{"TLS 1.3 over IPv4", "tcp4", "127.0.0.1:0", tls.VersionTLS13, true},
		{"TLS 1.3 over IPv6", "tcp6", "[::1]:0", tls.VersionTLS13, true},
		{"TLS 1.2 from IPv4 to an IPv6 listener", "tcp4", "[::]:0", tls.VersionTLS12, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := serveTLS(t, tc.address, &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
			if server.Addr().IsUnspecified() {
				server = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Port())
			}
			if dial(t, tc.network, server, &tls.Config{ServerName: "localhost", MaxVersion: tc.version}) == nil {
				t.Fatal("the handshake succeeded without the authority's certificate")
			}
			e := w.next(t, server.Port())
			checkBothEnds(t, e, server)
			if e.TLS == nil || e.TLS.SNI != "localhost" || e.TLS.Version != tls.VersionName(tc.version) {
				t.Errorf("hellos: %+v", e.TLS)
			}
			if e.Outcome == event.Succeeded {
				t.Errorf("outcome %s", e.Outcome)
			}
			if clear := e.Alert != nil && e.Alert.Sender == event.Client && *e.Alert.Code == 42; clear == tc.encrypted {
				t.Errorf("alert %+v", e.Alert)
			}
			if e.Records[0].Handshake != "client_hello" || e.Records[1].Handshake != "server_hello" {
				t.Errorf("trail: %+v", e.Records)
			}
		})
	}
}

func checkBothEnds(t *testing.T, e event.Event, server netip.AddrPort) {
	t.Helper()
	if e.ObservedFrom != event.FromBoth {
		t.Errorf("observed from %s", e.ObservedFrom)
	}
	if got := netip.AddrPortFrom(e.Server.Addr, e.Server.Port); got != server {
		t.Errorf("server %s, want %s", got, server)
	}
	for _, end := range []event.Endpoint{e.Client, e.Server} {
		if end.Process == nil || end.Process.PID != os.Getpid() {
			t.Errorf("process %+v, want %d", end.Process, os.Getpid())
		}
		if end.Cgroup == 0 || end.NetNS == 0 || end.Addr != server.Addr() {
			t.Errorf("end %+v", end)
		}
	}
}

// TestTheLibrarysOwnReason asks Go's crypto/tls, in this very process, what was in the alert that nobody on the wire can read. Every
// variant of probes that this kernel has must tell the same.
func TestTheLibrarysOwnReason(t *testing.T) {
	eachVariant(t, tracer.PurposeLibraries, func(t *testing.T, _ tracer.VariantReport, forced map[tracer.Purpose]string) {
		testTheLibrarysOwnReason(t, tracer.Options{Variants: forced})
	})
}

func testTheLibrarysOwnReason(t *testing.T, o tracer.Options) {
	w := watch(t, o)
	w.awaitLibrary(t, "go")
	ca := newAuthority(t)
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
	if dial(t, "tcp", server, &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS13}) == nil {
		t.Fatal("the handshake succeeded without the authority's certificate")
	}
	e := w.next(t, server.Port())
	if e.Alert != nil {
		t.Errorf("alert in clear: %+v", e.Alert)
	}
	if l := e.Library; l == nil || l.Name != "go" || l.Side != event.Client || l.ErrorText != "bad_certificate" {
		t.Errorf("library: %+v", e.Library)
	}
}

// TestWhatTheLibraryFound asks it what was wrong: the alert is the same for all.
func TestWhatTheLibraryFound(t *testing.T) {
	if err := features.HaveProgramHelper(ebpf.Kprobe, asm.FnGetAttachCookie); err != nil {
		t.Skipf("probes are not told where they are: %v", err)
	}
	w := watch(t, tracer.Options{GetError: true})
	w.awaitLibrary(t, "go")
	ca := newAuthority(t)
	at := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	const suite, other = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	for _, tc := range []struct {
		name           string
		client, server *tls.Config
		side           event.Side
		text, verify   string
	}{
		{"expired", &tls.Config{RootCAs: ca.pool, Time: at(48 * time.Hour)}, &tls.Config{}, event.Client, "bad_certificate", "x509.CertificateInvalidError"},
		{"not yet valid", &tls.Config{RootCAs: ca.pool, Time: at(-48 * time.Hour)}, &tls.Config{}, event.Client, "bad_certificate", "x509.CertificateInvalidError (not yet valid)"},
		{"unknown CA", &tls.Config{RootCAs: x509.NewCertPool()}, &tls.Config{}, event.Client, "bad_certificate", "x509.UnknownAuthorityError"},
		{"name", &tls.Config{RootCAs: ca.pool, ServerName: "elsewhere"}, &tls.Config{}, event.Client, "bad_certificate", "x509.HostnameError"},
		{
			"client certificate", &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.leaf}},
			&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}, event.Server, "unknown_ca", "x509.UnknownAuthorityError",
		},
		{
			"cipher", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}, &tls.Config{CipherSuites: []uint16{other}},
			event.Server, "no cipher suite supported by both client and server", "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.server.Certificates = []tls.Certificate{ca.leaf}
			tc.client.ServerName = cmp.Or(tc.client.ServerName, "localhost")
			server := serveTLS(t, "127.0.0.1:0", tc.server)
			if dial(t, "tcp", server, tc.client) == nil {
				t.Fatal("the handshake succeeded")
			}
			l := w.next(t, server.Port()).Library
			if l == nil || l.Side != tc.side || l.ErrorText != tc.text || l.VerifyText != tc.verify {
				t.Errorf("library: %+v", l)
			}
		})
	}
}

func TestHealthyIsCountedAndNotTold(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	ca := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		before, err := w.Stats()
		if err != nil {
			t.Fatal(err)
		}
		server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
		const n = 50
		for range n {
			if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", RootCAs: ca.pool, MaxVersion: version}); err != nil {
				t.Fatal(err)
			}
		}
		w.none(t, server.Port())
		after, err := w.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if got := after.Succeeded - before.Succeeded; got < n {
			t.Errorf("%s: %d handshakes succeeded, want at least %d", tls.VersionName(version), got, n)
		}
	}
}

func TestSuccessesAreToldWhenAskedFor(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true, Successes: true})
	ca := newAuthority(t)
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
	if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", RootCAs: ca.pool}); err != nil {
		t.Fatal(err)
	}
	if e := w.next(t, server.Port()); e.Outcome != event.Succeeded || e.ObservedFrom != event.FromBoth {
		t.Errorf("%+v", e)
	}
}

func TestNoiseIsToldWhenAskedFor(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true, Noise: true})
	server := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	c, err := net.Dial("tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if e := w.next(t, server.Port()); e.TCP.ClientBytes != 0 || e.TCP.ServerBytes != 0 || e.TCP.ClosedBy != event.Client {
		t.Errorf("%+v", e.TCP)
	}
}

// TestResets covers the three ways in which an application resets: each leaves through tcp_send_active_reset. Every
// variant of the hook that this kernel has must see the same.
func TestResets(t *testing.T) {
	eachVariant(t, tracer.PurposeResetSent, func(t *testing.T, v tracer.VariantReport, forced map[tracer.Purpose]string) {
		testResets(t, forced, strings.Contains(v.Why, "reason"))
	})
}

func testResets(t *testing.T, variants map[tracer.Purpose]string, reason bool) {
	w := watch(t, tracer.Options{NoLibraries: true, Variants: variants})
	hello := clientHello(t)
	linger := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() }
	for _, tc := range []struct {
		name           string
		client, server func(net.Conn)
		by             event.Side
	}{
		{"client, SO_LINGER", func(c net.Conn) { _, _ = c.Write(hello); linger(c) }, wait, event.Client},
		{"server, SO_LINGER", func(c net.Conn) { _, _ = c.Write(hello); wait(c) }, func(c net.Conn) { _, _ = c.Read(make([]byte, 5)); linger(c) }, event.Server},
		{"server, unread data", func(c net.Conn) { _, _ = c.Write(hello); wait(c) }, func(c net.Conn) { _, _ = c.Read(make([]byte, 5)); _ = c.Close() }, event.Server},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := serve(t, "tcp", "127.0.0.1:0", tc.server)
			c, err := net.Dial("tcp", server.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			tc.client(c)
			e := w.next(t, server.Port())
			if e.TCP.ResetBy != tc.by || e.TCP.ClosedBy != tc.by || e.TCP.How != event.CloseRST {
				t.Errorf("%+v, want a reset by the %s", e.TCP, tc.by)
			}
			if reason && !strings.HasPrefix(e.TCP.ResetReason, "SK_RST_REASON_") {
				t.Errorf("reset reason %q", e.TCP.ResetReason)
			}
			if !reason && e.TCP.ResetReason != "" {
				t.Errorf("reset reason %q on a kernel that has none", e.TCP.ResetReason)
			}
		})
	}
}

// wait reads until the other side ends the connection.
func wait(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// clientHello returns the record that crypto/tls begins with.
func clientHello(t testing.TB) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer func() { _ = client.Close(); _ = server.Close() }()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: "localhost"}).Handshake()
	}()
	b := make([]byte, 8192)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestRefusedConnection(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	port := refusedPort(t)
	e := w.next(t, port)
	if e.TCP.How != event.CloseRefused || e.TCP.Error != "ECONNREFUSED" || e.ObservedFrom != event.FromClient {
		t.Errorf("%+v", e)
	}
	if e.Client.Process == nil || e.Client.Process.PID != os.Getpid() {
		t.Errorf("client process %+v", e.Client.Process)
	}
}

// TestSplitHello sends a hello in two segments, at every byte, and makes sure that it is read the same.
func TestSplitHello(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true, AlikePerSecond: 1_000_000})
	hello := clientHello(t)
	server := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, len(hello)))
		_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
	})
	step := 1
	if testing.Short() { // in an emulated machine
		step = 23
	}
	for at := 1; at < len(hello); at += step {
		c, err := net.Dial("tcp", server.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(hello[:at])
		_, _ = c.Write(hello[at:])
		wait(c)
		_ = c.Close()
		e := w.next(t, server.Port())
		if e.TLS == nil || e.TLS.SNI != "localhost" || e.TLS.Truncated || e.Alert == nil || *e.Alert.Code != 40 {
			t.Fatalf("split at %d: %+v, alert %+v", at, e.TLS, e.Alert)
		}
	}
}

// TestGarbage feeds the kernel side bytes of every kind in segments of every size. It must neither stop nor call any of it a
// success, and the node must not notice.
func TestGarbage(t *testing.T) {
	w := watch(t, tracer.Options{NoLibraries: true})
	random := rand.New(rand.NewPCG(1, 2))
	hello := clientHello(t)
	server := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = io.Copy(c, c) })
	before, err := w.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		sendGarbage(t, random, server, hello)
	}
	after, err := w.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if after.Connections-before.Connections < 300 {
		t.Errorf("%d connections followed, want 300", after.Connections-before.Connections)
	}
	if after.Lost[tracer.LostUndecodable] != 0 || after.Lost[tracer.LostInflight] != 0 {
		t.Errorf("lost: %v", after.Lost)
	}
}

// sendGarbage sends random bytes, or a damaged hello, or records of random types and lengths, and expects them back.
func sendGarbage(t *testing.T, random *rand.Rand, server netip.AddrPort, hello []byte) {
	t.Helper()
	data := make([]byte, 1+random.IntN(4000))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	switch random.IntN(3) {
	case 0:
		data = slices.Clone(hello)
		for range 1 + random.IntN(20) {
			data[random.IntN(len(data))] = byte(random.Uint32())
		}
	case 1:
		for i := 0; i+5 < len(data); i += 5 + random.IntN(40) {
			copy(data[i:], []byte{byte(20 + random.IntN(5)), 3, 3, 0, byte(random.IntN(64))})
		}
	}
	c, err := net.Dial("tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	echo := make(chan []byte)
	go func() {
		b := make([]byte, len(data))
		_, _ = io.ReadFull(c, b)
		echo <- b
	}()
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(500))
		if _, err := c.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if got := <-echo; !bytes.Equal(got, data) {
		t.Error("the bytes came back changed")
	}
}

func TestOneCgroupOnly(t *testing.T) {
	root := tracer.Probe(tracer.Options{}).Cgroup
	dir, err := os.MkdirTemp(root, "tlstrace-test-")
	if err != nil {
		t.Skipf("cannot make a cgroup: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	w := watch(t, tracer.Options{NoLibraries: true, Cgroup: dir})
	outside := refusedPort(t)
	move(t, dir)
	inside := refusedPort(t)
	move(t, root)
	e := w.next(t, inside)
	if e.Server.Port == outside {
		t.Error("an event from outside the cgroup")
	}
	select {
	case e := <-w.events:
		t.Errorf("unexpected event: %+v", e)
	default:
	}
}

// move puts this process in a cgroup.
func move(t *testing.T, cgroup string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), fmt.Appendf(nil, "%d", os.Getpid()), 0); err != nil {
		t.Skipf("cannot move into %s: %v", cgroup, err)
	}
}

func TestReadEnds(t *testing.T) {
	w, err := tracer.Open(tracer.Options{NoLibraries: true})
	if errors.Is(err, tracer.ErrPermission) && !mustRun() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with a context that is done: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Read(context.Background()); !errors.Is(err, tracer.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestOpenRefusesWhatIsNoCgroup(t *testing.T) {
	if _, err := tracer.Open(tracer.Options{Cgroup: t.TempDir()}); !errors.Is(err, tracer.ErrNoCgroup2) {
		t.Errorf("error %v, want %v", err, tracer.ErrNoCgroup2)
	}
}

// held lists the programs, maps and links that a process holds, as "prog_id 12".
func held(t *testing.T, pid int) []string {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, info := range infos {
		text, err := os.ReadFile(info)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if slices.Contains([]string{"prog_id", "map_id", "link_id"}, key) {
				ids = append(ids, key+" "+strings.TrimSpace(value))
			}
		}
	}
	return ids
}

// inKernel lists all programs, maps and links that there are.
func inKernel() map[string]bool {
	ids := map[string]bool{}
	for id, err := ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		ids[fmt.Sprintf("prog_id %d", id)] = true
	}
	for id, err := ebpf.MapGetNextID(0); err == nil; id, err = ebpf.MapGetNextID(id) {
		ids[fmt.Sprintf("map_id %d", id)] = true
	}
	links := new(link.Iterator)
	for links.Next() {
		ids[fmt.Sprintf("link_id %d", links.ID)] = true
	}
	links.Close()
	return ids
}

// TestNothingIsLeftBehind kills a process that traces, with SIGKILL: the kernel must free all that it held.
func TestNothingIsLeftBehind(t *testing.T) {
	child := exec.Command(os.Args[0], "-test.run=^TestHoldOpen$")
	child.Env = append(os.Environ(), "TLSTRACE_TEST_HOLD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 5)
	_, _ = io.ReadFull(out, ready)
	ids := held(t, child.Process.Pid)
	_ = child.Process.Signal(syscall.SIGKILL)
	_ = child.Wait()
	if string(ready) != "ready" {
		if mustRun() {
			t.Fatal("the child could not trace")
		}
		t.Skip("the child could not trace")
	}
	if len(ids) < 10 {
		t.Fatalf("the child held only %v", ids)
	}
	left := func(id string) bool { return inKernel()[id] }
	deadline := time.Now().Add(30 * time.Second) // the kernel frees after a grace period
	for slices.ContainsFunc(ids, left) {
		if time.Now().After(deadline) {
			t.Fatalf("left behind of %v: %v", ids, inKernel())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestHoldOpen is the process that TestNothingIsLeftBehind kills.
func TestHoldOpen(t *testing.T) {
	if os.Getenv("TLSTRACE_TEST_HOLD") == "" {
		t.Skip("only run as a child of TestNothingIsLeftBehind")
	}
	tr, err := tracer.Open(tracer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Print("ready")
	_, _ = tr.Read(context.Background())
	select {}
}
