package fleet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/tlstrace/tlstrace/sink"
)

// forwarder opens connections to a port of a pod as kubectl port-forward does. It listens nowhere: a local port would let everybody on this
// machine read what only the user may.
type forwarder struct {
	config *rest.Config
	client kubernetes.Interface
	agent  Agent
}

// dial is for [http.Transport]; the address is the agent's own, whatever is asked for.
func (f *forwarder) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := f.open()
		done <- result{conn, err}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done(): // the dialers of client-go know no context
		go func() {
			if r := <-done; r.conn != nil {
				r.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// open upgrades a request to a connection of streams, and opens one pair of them.
func (f *forwarder) open() (net.Conn, error) {
	dialer, err := f.dialer()
	if err != nil {
		return nil, err
	}
	streams, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	conn, err := newForwarded(streams, f.agent.Port)
	if err != nil {
		streams.Close()
		return nil, err
	}
	return conn, nil
}

// dialer tries a WebSocket, which passes proxies and takes get besides create, then SPDY, which older API servers speak and for which create
// is enough.
func (f *forwarder) dialer() (httpstream.Dialer, error) {
	at := f.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(f.agent.Namespace).Name(f.agent.Pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(f.config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	socket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, f.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(socket, old, func(error) bool { return true }), nil
}

// forwarded is one connection to the pod.
type forwarded struct {
	streams httpstream.Connection
	data    httpstream.Stream
	failed  chan error // what the node says went wrong; closed when it has nothing to say
}

// newForwarded opens the stream of errors and that of data (k8s.io/client-go/tools/portforward describes the protocol).
func newForwarded(streams httpstream.Connection, port int32) (*forwarded, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	trouble, err := streams.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	trouble.Close() // we write none
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := streams.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	c := &forwarded{streams: streams, data: data, failed: make(chan error, 1)}
	go func() {
		defer close(c.failed)
		text, err := io.ReadAll(io.LimitReader(trouble, 4096))
		if len(text) > 0 {
			c.failed <- errors.New(sink.Escape(string(text), 400))
			streams.Close() // the node leaves the data open
		} else if err != nil {
			streams.Close()
		}
	}()
	return c, nil
}

// Read reads what the agent sends. The end of it may have a reason that the node told on the other stream.
func (c *forwarded) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if err == nil {
		return n, nil
	}
	select {
	case why, ok := <-c.failed:
		if ok {
			return n, why
		}
	case <-time.After(100 * time.Millisecond): // it comes with the end of the data, or not at all
	}
	return n, err
}

func (c *forwarded) Write(p []byte) (int, error) { return c.data.Write(p) }

// Close ends both streams, and what they are in.
func (c *forwarded) Close() error { return c.streams.Close() }

// forwardedAddr is what there is to say of the addresses: they are not ours to know.
type forwardedAddr struct{}

func (forwardedAddr) Network() string { return "tcp" }
func (forwardedAddr) String() string  { return "port-forward" }

// LocalAddr names the way, not an address.
func (c *forwarded) LocalAddr() net.Addr { return forwardedAddr{} }

// RemoteAddr names the way, not an address.
func (c *forwarded) RemoteAddr() net.Addr { return forwardedAddr{} }

// SetDeadline does nothing: the client of the stream watches for silence itself.
func (c *forwarded) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *forwarded) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *forwarded) SetWriteDeadline(time.Time) error { return nil }
