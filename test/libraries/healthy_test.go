package libraries

import (
	"slices"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

// TestHealthyHasNoReason makes healthy handshakes in numbers, and has all of them reported: no library says anything.
func TestHealthyHasNoReason(t *testing.T) {
	l := newLab(t)
	total := 2000
	if full() {
		total = 20_000
	}
	l.holdPython(t)
	nginx, verifying := l.plainNginx(t, ""), l.plainNginx(t, l.pki.ca)
	plainGo, verifyingGo := l.goServer(t, ""), l.goServer(t, l.pki.ca)
	node := l.serve(t, func(port int) []string {
		return node("/usr/bin/node", "").server(settings{port: port, version: "1.3", pair: l.pki.ok})
	}).port
	var w *watch
	if !truthOnly() {
		w = startWatch(t, tracer.Options{Successes: true, Noise: true})
	}
	l.load(t, plainGo, total*20/100)
	l.load(t, plainGo, total*10/100, "--max", "1.2", "--resume")
	l.load(t, verifyingGo, total*15/100)
	l.load(t, nginx, total*10/100, "--requests", "0")
	l.load(t, nginx, total*10/100, "--requests", "0", "--max", "1.2", "--end", "rst")
	l.load(t, verifying, total*15/100, "--requests", "0", "--end", "fin")
	l.curl(t, nginx, total*10/100)
	l.load(t, node, total*10/100, "--requests", "0")
	if w == nil {
		return
	}
	ports := []int{nginx, verifying, plainGo, verifyingGo, node}
	ours := func() []event.Event {
		return w.all(func(e event.Event) bool { return slices.Contains(ports, int(e.Server.Port)) })
	}
	count := func() int {
		n := 0
		for _, e := range ours() {
			n += 1 + e.Repeated
		}
		return n
	}
	if !await(eventTimeout, func() bool { return count() >= total }) {
		t.Errorf("%d of %d handshakes reported", count(), total)
	}
	for _, e := range ours() {
		if e.Library != nil || e.Outcome == event.Failed {
			t.Fatalf("a healthy handshake:\n%s", asJSON(e))
		}
	}
}
