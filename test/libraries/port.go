package libraries

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Server ports come from below the range of ephemeral ports, and none is used twice in a run: a server port names its row.
const (
	firstPort = 21000
	lastPort  = 32000
)

// ports hands out server ports.
type ports struct{ next atomic.Int32 }

func newPorts() *ports {
	p := new(ports)
	p.next.Store(int32(firstPort + os.Getpid()%5000))
	return p
}

// free returns a port that nobody listens on, in either address family.
func (p *ports) free(t testing.TB) int {
	t.Helper()
	for port := p.next.Add(1); port < lastPort; port = p.next.Add(1) {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			_ = l.Close()
			return int(port)
		}
	}
	t.Fatalf("no free port below %d", lastPort)
	return 0
}

// server is a running server that listens on a port.
type server struct {
	*process
	port int
}

// serve starts a server on a free port, and on another one if somebody was faster to take it.
func (l *lab) serve(t testing.TB, argv func(port int) []string) *server {
	t.Helper()
	var err error
	var p *process
	for range 3 {
		port := l.ports.free(t)
		p = start(t, "", argv(port)...)
		if err = waitListening(port, p.ended); err == nil {
			return &server{p, port}
		}
		p.kill()
	}
	t.Fatalf("%v; it printed:\n%s", err, p.out)
	return nil
}

// waitListening returns when somebody listens on port. It reads the socket tables of the kernel: a trial connection would
// itself be traffic that the tracer sees.
func waitListening(port int, ended func() bool) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if listening(port) {
			return nil
		}
		if ended() {
			return fmt.Errorf("the server ended before it listened on port %d", port)
		}
	}
	return fmt.Errorf("nobody listens on port %d after 10 s", port)
}

func listening(port int) bool {
	suffix := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == "0A" { // TCP_LISTEN, include/net/tcp_states.h
				return true
			}
		}
	}
	return false
}
