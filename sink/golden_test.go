package sink

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was drawn with testdata/NAME.golden, and checks what holds for anything that is drawn on a screen.
func golden(t *testing.T, name string, screen Screen, got []byte) {
	t.Helper()
	checkScreen(t, screen, string(got))
	if bytes.Contains(got, []byte(" \n")) {
		t.Errorf("blanks at the end of a line of\n%s", got)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./sink -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test ./sink -update, if it is meant):\n%s", file, diff)
	}
}

// checkScreen: no line wraps, nothing but our own colours and line ends controls the terminal.
func checkScreen(t *testing.T, screen Screen, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("does not end in a line end: %q", text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		bare := withoutColor(line)
		if w := displayWidth(bare); screen.Width > 0 && w > screen.Width {
			t.Errorf("a line of %d columns on a screen of %d: %q", w, screen.Width, bare)
		}
		if !screen.Color && line != bare {
			t.Errorf("colours where none are wanted: %q", line)
		}
		for _, r := range bare {
			if r < ' ' || r == 0x7f || unsafeRune(r) || screen.ASCII && r > 0x7e {
				t.Errorf("%U in %q", r, bare)
			}
		}
	}
}

// withoutColor removes the colours that this package writes, and nothing else.
func withoutColor(text string) string {
	for {
		start := strings.Index(text, "\x1b[")
		if start < 0 {
			return text
		}
		end := strings.IndexByte(text[start:], 'm')
		if end < 0 || strings.Trim(text[start+2:start+end], "0123456789;") != "" {
			return text
		}
		text = text[:start] + text[start+end+1:]
	}
}

func screenOf(width int) Screen { return Screen{Width: width, Zone: time.UTC} }

// draw runs a view into a buffer.
func draw(t *testing.T, view func(*bytes.Buffer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := view(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
