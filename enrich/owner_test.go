package enrich

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

const socketTitle = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// socket is one line of /proc/PID/net/tcp.
func socket(local, state string, inode int) string {
	return fmt.Sprintf("   0: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000 100 0 0 10 0\n",
		local, state, inode)
}

func TestOwner(t *testing.T) {
	p := newFakeProc(t)
	for _, pid := range []int{30, 31, 99} {
		netns := 111
		if pid == 99 {
			netns = 222
		}
		p.link(fmt.Sprintf("%d/ns/net", pid), fmt.Sprintf("net:[%d]", netns))
	}
	p.write("30/net/tcp", socketTitle+socket("0100007F:1F90", "0A", 500)+socket("0100007F:1F91", "01", 501)+
		socket("00000000:01BB", "0A", 502))
	p.write("30/net/tcp6", socketTitle+socket("00000000000000000000000000000000:2328", "0A", 503))
	p.link("30/fd/0", "/dev/null")
	p.link("31/fd/3", "socket:[500]")
	p.link("30/fd/4", "socket:[502]")
	p.link("31/fd/4", "socket:[502]")
	p.link("31/fd/5", "socket:[503]")
	p.link("99/fd/5", "socket:[501]")
	processes := p.processes()
	tests := []struct {
		name  string
		netns uint32
		at    string
		want  int // 0: nobody
	}{
		{"bound to the address", 111, "127.0.0.1:8080", 31},
		{"IPv4 mapped into IPv6", 111, "[::ffff:127.0.0.1]:8080", 31},
		{"bound to all of IPv4, shared with a worker", 111, "10.1.2.3:443", 30},
		{"bound to all of IPv6, reached over IPv4", 111, "10.1.2.3:9000", 31},
		{"connected, not listening", 111, "127.0.0.1:8081", 0},
		{"another port", 111, "127.0.0.1:1", 0},
		{"another network namespace", 222, "127.0.0.1:8080", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := netip.MustParseAddrPort(tt.at)
			got, err := processes.Owner(tt.netns, at.Addr(), at.Port())
			if got != tt.want || (tt.want == 0) != errors.Is(err, ErrNoOwner) {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

func TestOwnerIsRememberedForAWhile(t *testing.T) {
	p := newFakeProc(t)
	p.link("30/ns/net", "net:[111]")
	p.write("30/net/tcp", socketTitle+socket("0100007F:1F90", "0A", 500))
	p.link("30/fd/3", "socket:[500]")
	now := p.now
	processes := NewProcesses(p.root, func() time.Time { return now })
	at := netip.MustParseAddrPort("127.0.0.1:8080")
	find := func() int { pid, _ := processes.Owner(111, at.Addr(), at.Port()); return pid }
	if got := find(); got != 30 {
		t.Fatalf("got %d, want 30", got)
	}
	if err := os.RemoveAll(p.root + "/30"); err != nil {
		t.Fatal(err)
	}
	if got := find(); got != 30 {
		t.Errorf("at once: got %d, want 30 as remembered", got)
	}
	now = now.Add(ownersFor + time.Second)
	if got := find(); got != 0 {
		t.Errorf("later: got %d, want nobody", got)
	}
}

func TestOwnerLooksAgainForANewListener(t *testing.T) {
	p := newFakeProc(t)
	now := p.now
	processes := NewProcesses(p.root, func() time.Time { return now })
	at := netip.MustParseAddrPort("127.0.0.1:8080")
	if _, err := processes.Owner(111, at.Addr(), at.Port()); !errors.Is(err, ErrNoOwner) {
		t.Fatalf("got %v, want %v", err, ErrNoOwner)
	}
	p.link("30/ns/net", "net:[111]")
	p.write("30/net/tcp", socketTitle+socket("0100007F:1F90", "0A", 500))
	p.link("30/fd/3", "socket:[500]")
	now = now.Add(missedFor + time.Second)
	if got, err := processes.Owner(111, at.Addr(), at.Port()); got != 30 {
		t.Errorf("got %d, %v; want 30", got, err)
	}
}

func TestOwnersAreBounded(t *testing.T) {
	p := newFakeProc(t)
	processes := p.processes()
	for netns := range uint32(3 * maxNamespaces) {
		_, _ = processes.Owner(netns, netip.IPv6Loopback(), 1)
	}
	if got := len(processes.owners.looks); got > maxNamespaces {
		t.Errorf("%d looks are kept, want at most %d", got, maxNamespaces)
	}
}

// TestFillFindsOurOwnListener runs against the real procfs.
func TestFillFindsOurOwnListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stat syscall.Stat_t
	if err := syscall.Stat("/proc/self/ns/net", &stat); err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	e := event.Event{Time: time.Now(), Server: event.Endpoint{Addr: at.Addr(), Port: at.Port(), NetNS: uint32(stat.Ino)}}
	NewProcesses("/proc", time.Now).Fill(&e)
	got := e.Server.Process
	if got == nil || got.PID != os.Getpid() || !strings.HasSuffix(got.Exe, ".test") || got.Comm == "" {
		t.Errorf("got %+v, want this process, %d", got, os.Getpid())
	}
}

func TestParseAddressRefusesGarbage(t *testing.T) {
	for _, s := range []string{"", "0100007F", "0100007F:", "xx:1F90", "0100:1F90", "0100007F:1F90F", ":"} {
		if got, err := parseAddress(s); err == nil {
			t.Errorf("parseAddress(%q) = %v, want an error", s, got)
		}
	}
}
