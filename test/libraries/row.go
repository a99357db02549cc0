package libraries

import (
	"regexp"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// row is one line of the table: a library that fails in one way, on one side.
type row struct {
	program program
	failure failure
	version string
	side    event.Side // of the library under test
}

func (r row) name() string {
	return r.program.name + "/" + r.failure.name + "/" + string(r.side) + "/tls" + r.version
}

// rows are all of a library.
func rows(p program) []row {
	var all []row
	for _, f := range failures() {
		for _, side := range []event.Side{event.Client, event.Server} {
			for _, version := range []string{"1.2", "1.3"} {
				all = append(all, row{p, f, version, side})
			}
		}
	}
	return all
}

// patience bounds how long a client may run.
const patience = 20 * time.Second

// play makes the connection and returns the server's port. It fails the test if the programs do not show the failure.
func (r row) play(t *testing.T, l *lab) int {
	client := settings{version: r.version, ca: l.pki.ca}
	server := settings{version: r.version, pair: l.pki.ok}
	own := ownOpenSSL()
	dial, listen := own.client, r.program.server
	e := ends{client: &client, server: &server, mine: &server, peer: &client}
	if r.side == event.Client {
		dial, listen = r.program.client, own.server
		e.mine, e.peer = e.peer, e.mine
	}
	r.failure.set(l.pki, e)
	srv := l.serve(t, func(port int) []string {
		e.server.port = port
		return listen(*e.server)
	})
	client.port = srv.port
	cli := start(t, get, dial(client)...)
	err := cli.wait(patience)
	outputs := func() string { return cli.out.String() + "\n--- server:\n" + srv.out.String() }
	if err != nil || !shown(r.failure.proof, outputs) {
		t.Fatalf("the programs do not show what was meant to happen (%s): %v\n%s", r.failure.proof, err, outputs())
	}
	srv.kill()
	return srv.port
}

// shown waits a little for what the programs print to match.
func shown(proof string, output func() string) bool {
	re := regexp.MustCompile(proof)
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if re.MatchString(output()) {
			return true
		}
	}
	return false
}

// allPrograms are the libraries as they are shipped.
func allPrograms(t testing.TB, l *lab) []program {
	t.Helper()
	nodePath, bunPath := "/usr/bin/node", bunBinary(t)
	return []program{
		oldOpenSSL(suiteRoot(t, "5.10")),
		ownOpenSSL(),
		suiteOpenSSL("3.5", "libssl.so.3", suiteRoot(t, "6.12")),
		suiteOpenSSL("3.6", "libssl.so.3", suiteRoot(t, "7.2")),
		boringssl(),
		gnutls(t),
		node(nodePath, reported(t, nodePath, "--version")),
		bun(bunPath, reported(t, bunPath, "--version")),
		golang("Go", l.gopeer),
		golang("Go, stripped", l.buildPeer(t, "stripped", "-ldflags=-s -w")),
	}
}
