package tracer_test

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// TestLightTellsWhatTheLibrarySays: nobody looks at bytes, but the library says why it failed.
func TestLightTellsWhatTheLibrarySays(t *testing.T) {
	w := watch(t, tracer.Options{Capture: tracer.CaptureLight})
	w.awaitLibrary(t, "go")
	before := w.runs(t, "packet_")
	ca := newAuthority(t)
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
	if dial(t, "tcp", server, &tls.Config{ServerName: "localhost"}) == nil {
		t.Fatal("the handshake succeeded without the authority's certificate")
	}
	e := w.next(t, server.Port())
	if !e.Light || e.TLS != nil || len(e.Records) > 0 {
		t.Errorf("light %t, tls %+v, records %v", e.Light, e.TLS, e.Records)
	}
	if l := e.Library; l == nil || l.Name != "go" || l.Side != event.Client || l.ErrorText != "bad_certificate" {
		t.Errorf("library: %+v", e.Library)
	}
	if p := e.Client.Process; e.ObservedFrom != event.FromBoth || p == nil || p.PID != os.Getpid() {
		t.Errorf("observed from %s, client %+v", e.ObservedFrom, e.Client)
	}
	if e.Server.Cgroup == 0 || e.Server.NetNS == 0 { // its process is not known if the client's end came first
		t.Errorf("server %+v", e.Server)
	}
	if e.TCP.ClientBytes == 0 || e.TCP.ServerBytes == 0 {
		t.Errorf("bytes: %d and %d", e.TCP.ClientBytes, e.TCP.ServerBytes)
	}
	if got := w.runs(t, "packet_") - before; got != 0 {
		t.Errorf("programs for packets ran %d times", got)
	}
}

// TestLightLeavesTheHealthyAlone: short connections, closed or reset by either side, are no failures.
func TestLightLeavesTheHealthyAlone(t *testing.T) {
	w := watch(t, tracer.Options{Capture: tracer.CaptureLight})
	ca := newAuthority(t)
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.leaf}})
	for range 50 {
		if err := dial(t, "tcp", server, &tls.Config{ServerName: "localhost", RootCAs: ca.pool}); err != nil {
			t.Fatal(err)
		}
	}
	resetsAfterAnExchange(t, server, ca)
	w.none(t, server.Port())
}

// resetsAfterAnExchange ends a healthy connection by a reset, as programs do that ask for SO_LINGER 0.
func resetsAfterAnExchange(t *testing.T, server netip.AddrPort, ca authority) {
	t.Helper()
	raw, err := net.Dial("tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, &tls.Config{ServerName: "localhost", RootCAs: ca.pool})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := raw.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = raw.Close()
}

// TestAdaptiveLooksWhereItIsNew: the first connection of a cgroup draws attention to it; what fails then is told in full. When it has been
// clean for a while, its packets run no program any more.
func TestAdaptiveLooksWhereItIsNew(t *testing.T) {
	c := newContainer(t)
	w := watch(t, tracer.Options{Capture: tracer.CaptureAdaptive, Hold: time.Second, Cgroup: c.parent()})
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}})
	c.connect(t, server)
	eventually(t, "a failure is told in full", func() bool {
		c.refuse(t, server)
		e := w.next(t, server.Port())
		return e.Client.Cgroup == c.id && len(e.Records) > 1
	})
	eventually(t, "nobody is looked at any more", func() bool { return w.InDepth()[tracer.WhySuspect] == 0 && w.InDepth()[tracer.WhyNew] == 0 })
	// A short connection is a sign, too, once the cgroup is trusted no more: on a slow machine that is soon.
	eventually(t, "a connection runs no program for packets", func() bool {
		before := w.runs(t, "packet_")
		c.connect(t, server)
		return w.runs(t, "packet_") == before
	})
}

// TestAdaptiveLooksWhereItFails: the first failure of a cgroup that was trusted is told by what its library said, the next in full.
func TestAdaptiveLooksWhereItFails(t *testing.T) {
	c := newContainer(t)
	w := watch(t, tracer.Options{Capture: tracer.CaptureAdaptive, Hold: time.Second, Cgroup: c.parent()})
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}})
	c.stay(t, server)
	eventually(t, "it is looked at", func() bool { return w.InDepth()[tracer.WhyNew] > 0 })
	w.awaitProbes(t)
	eventually(t, "it is let go", func() bool { return w.InDepth()[tracer.WhyNew]+w.InDepth()[tracer.WhySuspect] == 0 })
	c.refuse(t, server)
	first := w.next(t, server.Port())
	if first.Library == nil || first.Client.Cgroup != c.id {
		t.Errorf("the first: library %+v, cgroup %d", first.Library, first.Client.Cgroup)
	}
	eventually(t, "the next is told in full", func() bool {
		c.refuse(t, server)
		e := w.next(t, server.Port())
		return !e.Light && len(e.Records) > 1
	})
}

// TestAdaptiveLooksWhereItIsAsked: from the first connection on, and for good.
func TestAdaptiveLooksWhereItIsAsked(t *testing.T) {
	c := newContainer(t)
	w := watch(t, tracer.Options{Capture: tracer.CaptureAdaptive, Cgroup: c.parent(), InDepth: []string{c.path}, NoLibraries: true})
	server := serveTLS(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}})
	c.refuse(t, server)
	if e := w.next(t, server.Port()); e.Light || len(e.Records) < 2 {
		t.Errorf("light %t, records %+v", e.Light, e.Records)
	}
	if got := w.InDepth()[tracer.WhyAsked]; got != 1 {
		t.Errorf("%d cgroups are looked at because they were asked for", got)
	}
}

// container is a cgroup in which openssl is run.
type container struct {
	path string
	id   uint64
	ca   authority
	pem  string
}

func newContainer(t *testing.T) *container {
	t.Helper()
	root, err := tracer.CgroupRoot()
	if err != nil {
		t.Skip(err)
	}
	c := &container{path: filepath.Join(root, "tlstrace-test-"+strconv.Itoa(os.Getpid())+"-"+t.Name(), "container"), ca: newAuthority(t)}
	if err := os.MkdirAll(c.path, 0o755); err != nil {
		t.Skipf("cannot make a cgroup: %v", err)
	}
	t.Cleanup(func() { _, _ = os.Remove(c.path), os.Remove(c.parent()) })
	info, err := os.Stat(c.path)
	if err != nil {
		t.Fatal(err)
	}
	c.id = info.Sys().(*syscall.Stat_t).Ino
	c.pem = filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: c.ca.leaf.Certificate[0]}
	if err := os.WriteFile(c.pem, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// parent is a cgroup that holds nothing but the container: whatever else runs on the machine is outside.
func (c *container) parent() string { return filepath.Dir(c.path) }

// connect makes a handshake that succeeds.
func (c *container) connect(t *testing.T, server netip.AddrPort) {
	t.Helper()
	if out, err := c.client(t, server, "-CAfile", c.pem); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// refuse makes one whose client does not trust the server.
func (c *container) refuse(t *testing.T, server netip.AddrPort) {
	t.Helper()
	if out, err := c.client(t, server); err == nil {
		t.Fatalf("the client trusts the server: %s", out)
	}
}

// stay connects and stays, so that the probes in openssl's library do, too.
func (c *container) stay(t *testing.T, server netip.AddrPort) {
	t.Helper()
	converse(t, c.command(t, server, "-CAfile", c.pem))
}

func (c *container) client(t *testing.T, server netip.AddrPort, trust ...string) ([]byte, error) {
	t.Helper()
	cmd := c.command(t, server, trust...)
	cmd.Stdin = strings.NewReader("Q\n")
	return cmd.CombinedOutput()
}

// command is a client in the cgroup.
func (c *container) command(t *testing.T, server netip.AddrPort, trust ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"s_client", "-connect", server.String(), "-servername", "localhost", "-verify_return_error"}, trust...)
	return c.inside(t, exec.Command("openssl", args...))
}

// inside has a command run in the cgroup.
func (c *container) inside(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	dir, err := os.Open(c.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	return cmd
}

// runs counts how often the programs ran whose names begin so, in all. The kernel counts as long as somebody asks it to.
func (w *watched) runs(t *testing.T, prefix string) uint64 {
	t.Helper()
	if w.counting == nil {
		counting, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
		if err != nil {
			t.Fatal(err)
		}
		w.counting = counting
		t.Cleanup(func() { _ = counting.Close() })
	}
	programs, err := w.Programs()
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for _, p := range programs {
		if strings.HasPrefix(p.Name, prefix) {
			n += p.Runs
		}
	}
	return n
}

// eventually waits until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}
