package tracer_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

// oneThread keeps a healthy connection that has carried much, lets another one fail, and closes the healthy one first: all in one thread,
// as an event loop may.
const oneThread = `
import socket, ssl, sys

def connect(context, **more):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost", **more)

healthy = connect(ssl.create_default_context(cafile=sys.argv[2]))
for _ in range(8):
    healthy.sendall(b"x" * 8192)
refused = connect(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), do_handshake_on_connect=False)
print("ready", flush=True)
sys.stdin.readline()
try:
    refused.do_handshake()
except ssl.SSLError:
    print(healthy.getsockname()[1], refused.getsockname()[1], flush=True)
    healthy.close()
    refused.close()
`

// TestLightKnowsWhichConnectionFailed: where nobody looks at what a thread sends, its library's error waits for a close. It is not that of
// a connection which has carried more than a handshake.
func TestLightKnowsWhichConnectionFailed(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	c := newContainer(t)
	w := watch(t, tracer.Options{Capture: tracer.CaptureLight})
	config := &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}}
	server := serve(t, "tcp", "127.0.0.1:0", func(n net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(n, config)) })
	in, out := converse(t, exec.Command(python, "-c", oneThread, strconv.Itoa(int(server.Port())), c.pem))
	var ready string
	if _, err := fmt.Fscan(out, &ready); err != nil {
		t.Fatal(err)
	}
	w.awaitProbes(t)
	_ = in.Close()
	var healthy, refused uint16
	if _, err := fmt.Fscan(out, &healthy, &refused); err != nil {
		t.Fatal(err)
	}
	e := w.next(t, server.Port())
	if e.Client.Port != refused {
		t.Errorf("the client's port is %d; %d failed, %d was healthy", e.Client.Port, refused, healthy)
	}
	if l := e.Library; l == nil || l.ErrorText != "CERTIFICATE_VERIFY_FAILED" {
		t.Errorf("library %+v", e.Library)
	}
	w.none(t, server.Port())
}
