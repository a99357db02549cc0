package scenarios

import (
	"os"
	"testing"
)

const (
	truthPage   = "../../docs/truth.md"
	othersFile  = "../others/testdata/results.json"
	figuresFile = "testdata/figures.txt"
)

// TestTruth plays the whole matrix, and a slice of it with the libraries left alone, and writes docs/truth.md and the figures of the
// slice ("make truth").
func TestTruth(t *testing.T) {
	if os.Getenv("TLSTRACE_WRITE_TRUTH") == "" {
		t.Skip("make truth does it")
	}
	others, err := readOthers(othersFile)
	if err != nil {
		t.Fatal(err)
	}
	p := page{others: others, full: playAll(t, All(true)), wire: playAlone(t)}
	if len(p.full) == 0 {
		t.Fatal("nothing was reported")
	}
	write(t, truthPage, p.markdown())
	write(t, figuresFile, score(sliceOf(p.full)).Line()+"\n")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sliceOf is the part of the results that CI plays.
func sliceOf(results []Result) []Result {
	names := map[string]bool{}
	for _, s := range All(false) {
		names[s.Name] = true
	}
	return filter(results, func(r Result) bool { return names[r.Name] })
}

// playAll plays scenarios under a tracer and judges them.
func playAll(t *testing.T, all []Scenario) []Result {
	t.Helper()
	r := newRun(t, "--all")
	r.warmUp(t)
	r.play(t, all)
	return r.settle(t)
}

// playAlone plays the slice without the probes in libraries. The truth of a row says what is known with them, so that here it is only
// counted how often it is met.
func playAlone(t *testing.T) []Result {
	t.Helper()
	r := newRun(t, "--all", "--no-libraries")
	r.play(t, All(false))
	return r.results(t)
}

// TestFailures plays a slice of the matrix: every connection is reported as what it was, and once, and the figures are not worse than the
// committed ones.
func TestFailures(t *testing.T) {
	results := playAll(t, All(full()))
	if results == nil || full() || t.Failed() {
		return
	}
	for _, r := range results {
		if what, guessed := r.guessed(); guessed {
			t.Log(what)
		}
	}
	line := score(results).Line()
	t.Log(line)
	for _, w := range read(t, line).worse(committed(t)) {
		t.Errorf("worse than %s: %s", figuresFile, w)
	}
}

func read(t *testing.T, line string) Figures {
	t.Helper()
	f, err := parseFigures(line)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// committed are the figures that "make truth" wrote; before it ever ran there are none, and nothing is worse than them.
func committed(t *testing.T) Figures {
	t.Helper()
	b, err := os.ReadFile(figuresFile)
	if os.IsNotExist(err) {
		t.Logf("%s is not there: make truth writes it", figuresFile)
		return Figures{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(b))
}

// TestNamesAreUnique: other tools tell by its name what they told of a scenario.
func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All(true) {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
	}
	for _, s := range All(false) {
		if !seen[s.Name] {
			t.Errorf("%s is in the slice and not in the matrix", s.Name)
		}
	}
	t.Logf("%d scenarios, %d in the slice", len(seen), len(All(false)))
}
