package tracer_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/tracer"
)

// resets makes a healthy exchange for each line that it reads, and ends it by a reset.
const resets = `
import socket, ssl, struct, sys

context = ssl.create_default_context(cafile=sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost") as c:
        c.sendall(b"?")
        c.recv(1)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    print("done", flush=True)
`

// TestAdaptiveLeavesTheHealthyAlone: also where a port is known to speak TLS, a short connection that ends by a reset may have been healthy.
// It is told only if somebody has looked at it.
func TestAdaptiveLeavesTheHealthyAlone(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	c := newContainer(t)
	w := watch(t, tracer.Options{Capture: tracer.CaptureAdaptive, Hold: time.Second, Cgroup: c.parent()})
	config := &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}}
	server := serve(t, "tcp", "127.0.0.1:0", func(n net.Conn) {
		conn := tls.Server(n, config)
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			_, _ = conn.Write([]byte("!"))
			_, _ = conn.Read(make([]byte, 1)) // to the reset
		}
	})
	in, out := converse(t, c.inside(t, exec.Command(python, "-c", resets, strconv.Itoa(int(server.Port())), c.pem)))
	said := ""
	if _, err := fmt.Fscan(out, &said); err != nil {
		t.Fatal(err)
	}
	exchange := func() {
		if _, err := fmt.Fprintln(in); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscan(out, &said); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a success was seen", func() bool {
		exchange()
		s, err := w.Stats()
		return err == nil && s.Succeeded > 0
	})
	for range 3 {
		eventually(t, "nobody is looked at", func() bool { return w.InDepth()[tracer.WhySuspect] == 0 && w.InDepth()[tracer.WhyNew] == 0 })
		exchange()
	}
	if s, err := w.Stats(); err != nil || s.Light == 0 {
		t.Errorf("no connection was left alone: %+v, %v", s, err)
	}
	c.refuse(t, server)
	if e := w.next(t, server.Port()); e.Library == nil {
		t.Errorf("a healthy connection is told: %+v", e)
	}
}
