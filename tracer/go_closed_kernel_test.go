package tracer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// TestAnAlertOfAClosedGoSocketStaysItsOwn: crypto/tls makes an alert also for a connection that the application has closed meanwhile. It is
// never sent, and must not become the reason of the connection that the same thread ends next.
func TestAnAlertOfAClosedGoSocketStaysItsOwn(t *testing.T) {
	w := watch(t, tracer.Options{})
	w.awaitLibrary(t, "go")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	first, second := dialHello(t, listener), dialHello(t, listener)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		closeInHandshake(first.server)
		_, _ = second.server.Read(make([]byte, 8192))
		_ = second.server.Close()
	}()
	<-done
	for range 2 {
		e := w.next(t, listener.Addr().(*net.TCPAddr).AddrPort().Port())
		if e.Library != nil || e.TCP.ClosedBy != event.Server {
			t.Errorf("client port %d: %+v, library %+v; want a close by the server, of which no library says anything", e.Client.Port, e.TCP, e.Library)
		}
	}
}

// pair holds both ends of an established connection, whose client has sent a ClientHello.
type pair struct{ client, server net.Conn }

func dialHello(t *testing.T, listener net.Listener) pair {
	t.Helper()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	if _, err := client.Write(clientHello(t)); err != nil {
		t.Fatal(err)
	}
	return pair{client, server}
}

// closeInHandshake closes a connection in the middle of its handshake, as a server does that does not like what it is asked for.
func closeInHandshake(c net.Conn) {
	config := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		_ = c.Close()
		return nil, errors.New("not this one")
	}}
	_ = tls.Server(c, config).HandshakeContext(context.Background())
}
