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

// cutOff keeps a short healthy connection, is cut off in another one that has carried much, and closes them in the order that it is told.
const cutOff = `
import socket, ssl, sys

context = ssl.create_default_context(cafile=sys.argv[2])
def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost")

short = connect()
print("ready", flush=True)
sys.stdin.readline()
long = connect()
for _ in range(8):
    long.sendall(b"x" * 8192)
long.recv(1) # the library reports an error, and the wrapper makes an end of it
for c in (long, short) if sys.argv[3] == "long" else (short, long):
    c.close()
print("cut off", flush=True)
`

// TestLightForgetsHowALongConnectionEnded: what a library says when a connection is cut off that has carried much is not the error of a
// short one that the same thread closes just before or after it.
func TestLightForgetsHowALongConnectionEnded(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	c := newContainer(t)
	for _, first := range []string{"long", "short"} {
		t.Run(first+" closes first", func(t *testing.T) { testCutOff(t, c, python, first) })
	}
}

func testCutOff(t *testing.T, c *container, python, first string) {
	w := watch(t, tracer.Options{Capture: tracer.CaptureLight})
	config := &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}}
	server := serve(t, "tcp", "127.0.0.1:0", func(n net.Conn) {
		_, _ = io.CopyN(io.Discard, tls.Server(n, config), 8*8192)
		_ = n.(*net.TCPConn).CloseWrite() // and no reset, which would end the connection before the client does
		_, _ = io.Copy(io.Discard, n)
	})
	in, out := converse(t, exec.Command(python, "-c", cutOff, strconv.Itoa(int(server.Port())), c.pem, first))
	var said, more string
	if _, err := fmt.Fscan(out, &said); err != nil {
		t.Fatal(err)
	}
	w.awaitProbes(t)
	_ = in.Close()
	if _, err := fmt.Fscan(out, &said, &more); err != nil {
		t.Fatal(err)
	}
	w.none(t, server.Port())
}
