package libraries

import (
	"flag"
	"os"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer"
)

var update = flag.Bool("update", false, "write docs/libraries.md")

// parallel is how many rows run at the same time.
const parallel = 4

// TestTable plays every row and compares what is reported with what happened, and with the page that users read.
func TestTable(t *testing.T) {
	l := newLab(t)
	programs := allPrograms(t, l)
	if truthOnly() {
		playAll(t, l, programs, func(*testing.T, row, int) {})
		return
	}
	for _, p := range programs {
		l.hold(t, p)
	}
	w := startWatch(t, tracer.Options{GetError: true})
	for _, p := range programs {
		t.Logf("%s: %s", p.name, asJSON(w.attached(t, p.file)))
	}
	page := newPage()
	playAll(t, l, programs, func(t *testing.T, r row, port int) { page.add(r, w.check(t, r, port)) })
	compare(t, page.markdown(programs))
}

// hold keeps a process alive that uses the library: probes are in it before the first row, and stay.
func (l *lab) hold(t *testing.T, p program) {
	t.Helper()
	l.serve(t, func(port int) []string { return p.server(settings{port: port, version: "1.3", pair: l.pki.ok}) })
}

// playAll runs all rows, some at a time, each as a subtest, and hands on those that went as they should.
func playAll(t *testing.T, l *lab, programs []program, then func(t *testing.T, r row, port int)) {
	slots := make(chan struct{}, parallel)
	t.Run("play", func(t *testing.T) {
		for _, p := range programs {
			for _, r := range rows(p) {
				t.Run(r.name(), func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					then(t, r, r.play(t, l))
				})
			}
		}
	})
}

// check judges the event of a row that was played.
func (w *watch) check(t *testing.T, r row, port int) *event.Event {
	limit, limited := r.limit()
	patience := eventTimeout
	if limited && limit.silent {
		patience = silence
	}
	if !await(patience, func() bool { return len(w.at(port)) > 0 }) {
		if patience == eventTimeout {
			t.Errorf("no event of port %d", port)
		}
		return nil
	}
	e := w.at(port)[0]
	wrong := r.judge(e)
	for _, sentence := range wrong {
		t.Error(sentence)
	}
	if len(wrong) > 0 {
		t.Log(asJSON(e))
	}
	return &e
}

// compare holds the page against the one that users read, or replaces it.
func compare(t *testing.T, page string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(pagePath, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if string(b) != page {
		t.Errorf("%s does not say what the libraries tell; run the test with -update and look at the difference", pagePath)
	}
}
