package scenarios

import (
	"testing"
	"time"
)

// get is what every client asks for once the handshake is done; every server answers and closes.
const get = "GET / HTTP/1.0\r\n\r\n"

// patience bounds how long a client may run.
const patience = 60 * time.Second

// serverStack is a program that serves TLS.
type serverStack struct {
	name string
	argv func(t testing.TB, l *Lab, port int, s serverSettings) []string
}

// clientStack is a program that speaks TLS as a client. Its command line is all there is to it.
type clientStack struct {
	name string
	comm string
	argv func(t testing.TB, l *Lab, port int, c clientSettings) []string
}

// server is a running server that listens on a port.
type server struct {
	*process
	port int
}

// serve starts a server and returns once it listens.
func (l *Lab) serve(t testing.TB, stack serverStack, s serverSettings) *server {
	t.Helper()
	return l.listen(t, func(port int) *process { return start(t, "", inside(s.netns, stack.argv(t, l, port, s))...) })
}

// listen starts a server on a free port, and on another one if somebody was faster to take it.
func (l *Lab) listen(t testing.TB, start func(port int) *process) *server {
	t.Helper()
	var err error
	var p *process
	for range 3 {
		port := l.ports.free(t)
		p = start(port)
		if err = waitListening(p.pid(), port, p.ended); err == nil {
			return &server{p, port}
		}
		p.kill()
	}
	t.Fatalf("%v; it printed:\n%s", err, p.out)
	return nil
}

// dial runs a client to its end.
func (l *Lab) dial(t testing.TB, stack clientStack, port int, c clientSettings) *process {
	t.Helper()
	p := start(t, get, inside(c.netns, stack.argv(t, l, port, c))...)
	if err := p.wait(patience); err != nil {
		t.Fatal(err)
	}
	return p
}

// inside makes a program run in a network namespace. nsenter becomes the program, which keeps its pid.
func inside(netns string, argv []string) []string {
	if netns == "" {
		return argv
	}
	return append([]string{"nsenter", "--net=" + netns}, argv...)
}
