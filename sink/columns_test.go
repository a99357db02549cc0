package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

func columnsOf(t *testing.T, screen Screen, wide bool, events ...event.Event) []byte {
	t.Helper()
	return draw(t, func(b *bytes.Buffer) error {
		c := NewColumns(b, screen, wide)
		for _, e := range events {
			if err := c.Write(e); err != nil {
				return err
			}
		}
		return c.Close()
	})
}

func TestColumnsGolden(t *testing.T) {
	_, events := samples(t)
	for _, width := range []int{0, 50, 60, 80, 100, 120, 160, 200} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			golden(t, fmt.Sprintf("columns_%d", width), screenOf(width), columnsOf(t, screenOf(width), false, events...))
		})
	}
	for _, width := range []int{0, 80, 120} {
		t.Run(fmt.Sprintf("wide/%d", width), func(t *testing.T) {
			golden(t, fmt.Sprintf("wide_%d", width), screenOf(width), columnsOf(t, screenOf(width), true, events...))
		})
	}
	colored := screenOf(120)
	colored.Color = true
	golden(t, "columns_120_color", colored, columnsOf(t, colored, false, events...))
	ascii := screenOf(100)
	ascii.ASCII = true
	golden(t, "columns_100_ascii", ascii, columnsOf(t, ascii, false, events...))
}

func TestColumnsFitEveryScreen(t *testing.T) {
	_, events := samples(t)
	for width := 1; width <= 260; width++ {
		screen := screenOf(width)
		plain := columnsOf(t, screen, true, events...)
		if width >= 20 {
			checkScreen(t, screen, string(plain))
		}
		screen.Color = true
		if diff := cmp.Diff(string(plain), withoutColor(string(columnsOf(t, screen, true, events...)))); diff != "" {
			t.Fatalf("width %d: colours move the text: %s", width, diff)
		}
	}
}

// A wider screen never shows less.
func TestLayoutGrowsWithTheScreen(t *testing.T) {
	for width := minTableWidth; width < 300; width++ {
		here, next := newLayout(screenOf(width), false), newLayout(screenOf(width+1), false)
		for col := range here.widths {
			if column(col) != colDetail && column(col) != colClient && column(col) != colServer && next.widths[col] < here.widths[col] {
				t.Errorf("%s shrinks from %d to %d columns between %d and %d", columnTitles[col], here.widths[col], next.widths[col], width, width+1)
			}
		}
	}
}

func TestColumnsOutsideATerminalAreNotCut(t *testing.T) {
	e := sample(t, "tls13_unknown_ca")
	e.TLS.SNI = strings.Repeat("a", 250)
	text := string(columnsOf(t, screenOf(0), false, e))
	for _, whole := range []string{e.TLS.SNI, e.Verdict.Summary, "10.42.1.17:50852"} {
		if !strings.Contains(text, whole) {
			t.Errorf("%q is missing in:\n%s", whole, text)
		}
	}
}

func TestColumnsNarrowReasonsStayApart(t *testing.T) {
	seen := map[string]event.Reason{}
	for _, r := range event.Reasons() {
		for _, count := range []uint64{1, 12, 1234} {
			e := event.Event{Verdict: event.Verdict{Reason: r}}
			text := screenOf(60).reasonText(&e, shortReasonWidth, count)
			if w := displayWidth(text); w > shortReasonWidth {
				t.Errorf("%q is %d columns wide", text, w)
			}
			if other, ok := seen[text]; ok {
				t.Errorf("%s and %s both read %q", r, other, text)
			}
			seen[text] = r
		}
	}
}

func TestColumnsSayHowOften(t *testing.T) {
	e := sample(t, "refused")
	e.Repeated = 1499
	for _, width := range []int{40, 60, 80, 120, 0} {
		if text := string(columnsOf(t, screenOf(width), false, e)); !strings.Contains(text, "×1,500") {
			t.Errorf("width %d: no ×1,500 in\n%s", width, text)
		}
	}
}

func TestColumnsRepeatTheHeaderOncePerScreenful(t *testing.T) {
	screen := screenOf(100)
	screen.Height = 5
	events := make([]event.Event, 12)
	text := string(columnsOf(t, screen, false, events...))
	var headers []int
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "TIME") {
			headers = append(headers, i)
		}
	}
	// The fifth line is the cursor's: the header before it is still in sight.
	if diff := cmp.Diff([]int{0, 4, 8, 12}, headers); diff != "" {
		t.Error(diff)
	}
}

func TestColumnsHeaderIsWrittenOnce(t *testing.T) {
	var buf bytes.Buffer
	c := NewColumns(&buf, screenOf(80), false)
	for range 2 {
		if err := c.Header(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Write(sample(t, "refused")); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(buf.String(), "TIME"); n != 1 {
		t.Errorf("%d headers:\n%s", n, buf.String())
	}
}

func TestColumnsReportThatTheirOutputIsGone(t *testing.T) {
	if err := NewColumns(brokenPipe{}, screenOf(80), false).Write(event.Event{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkColumns(b *testing.B) {
	e := sample(b, "both_ends")
	c := NewColumns(io.Discard, Screen{Width: 160, Color: true}, false)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Write(e); err != nil {
			b.Fatal(err)
		}
	}
}
