package scenarios

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Server ports come from below the range of ephemeral ports, and none is used twice in a run: a server port names
// its scenario.
const (
	firstPort = 20000
	lastPort  = 32000
)

// ports hands out server ports.
type ports struct {
	next      atomic.Int32
	preferred int // 0: none
}

// Prefer makes servers listen on this port whenever nobody else does. Scenarios that are played one after the other then share it, for
// tools that watch one port only.
func (l *Lab) Prefer(port int) { l.ports.preferred = port }

func newPorts() *ports {
	p := new(ports)
	p.next.Store(int32(firstPort + os.Getpid()%4000))
	return p
}

// free returns a port that nobody listens on, in either address family.
func (p *ports) free(t testing.TB) int {
	t.Helper()
	if p.preferred != 0 && unused(p.preferred) {
		return p.preferred
	}
	for port := int(p.next.Add(1)); port < lastPort; port = int(p.next.Add(1)) {
		if unused(port) {
			return port
		}
	}
	t.Fatalf("no free port below %d", lastPort)
	return 0
}

func unused(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// waitListening returns when somebody listens on port in the network namespace of process pid. It reads the socket
// tables of the kernel: a trial connection would itself be traffic that the tracer sees.
func waitListening(pid, port int, ended func() bool) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if listening(pid, port) {
			return nil
		}
		if ended() {
			return fmt.Errorf("the server ended before it listened on port %d", port)
		}
	}
	return fmt.Errorf("nobody listens on port %d after %v", port, patience)
}

func listening(pid, port int) bool {
	suffix := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == "0A" { // TCP_LISTEN, include/net/tcp_states.h
				return true
			}
		}
	}
	return false
}
