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

// attempts makes a handshake for each line that it reads: one that it refuses, or a healthy one.
const attempts = `
import socket, ssl, sys

print("ready", flush=True)
for line in sys.stdin:
    context = ssl.create_default_context(cafile=sys.argv[2]) if line == "healthy\n" else ssl.create_default_context()
    try:
        context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost").close()
    except ssl.SSLError:
        pass
    print("done", flush=True)
`

// attempting starts a program of attempts, and returns what makes it attempt one.
func attempting(t *testing.T, cmd *exec.Cmd) func(how string) {
	t.Helper()
	in, out := converse(t, cmd)
	said := ""
	if _, err := fmt.Fscan(out, &said); err != nil {
		t.Fatal(err)
	}
	return func(how string) {
		if _, err := fmt.Fprintln(in, how); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscan(out, &said); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailuresAreFollowed: once a handshake of a process has failed it is heard what it asks its library, and nobody else is.
func TestFailuresAreFollowed(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	c := newContainer(t)
	w := watch(t, tracer.Options{})
	w.runs(t, "") // counts from now on
	config := &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}}
	server := serve(t, "tcp", "127.0.0.1:0", func(n net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(n, config)) })
	client := func() func(string) {
		return attempting(t, exec.Command(python, "-c", attempts, strconv.Itoa(int(server.Port())), c.pem))
	}
	failing, healthy := client(), client()
	failing("healthy") // by its first connection a process is known
	healthy("healthy")
	for range 2 { // closed too early to be counted as successes
		w.next(t, server.Port())
	}
	w.awaitProbes(t)
	failing("refused")
	if l := w.next(t, server.Port()).Library; l == nil || l.GetError != "" {
		t.Errorf("the first failure: library %+v", l)
	}
	eventually(t, "SSL_get_error of the next failure is heard", func() bool {
		failing("refused")
		l := w.next(t, server.Port()).Library
		return l != nil && l.GetError == "SSL_ERROR_SSL"
	})
	if n := w.Followed(); n != 2 {
		t.Errorf("%d processes are followed, want the client that fails and this server", n)
	}
	before := w.runs(t, "ssl_get_error")
	for range 10 {
		healthy("healthy")
	}
	if after := w.runs(t, "ssl_get_error"); before == 0 || after != before {
		t.Errorf("the probe ran %d times for the process that fails, and %d times for one that does not", before, after-before)
	}
}
