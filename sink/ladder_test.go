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

func ladderOf(t *testing.T, screen Screen, e event.Event) []byte {
	t.Helper()
	return draw(t, func(b *bytes.Buffer) error { return Ladder(b, screen, e) })
}

func TestLadderGolden(t *testing.T) {
	for _, name := range []string{
		"tls13_unknown_ca", "tls12_client_expired", "plaintext_to_tls", "refused", "reset", "both_ends", "timeout", "gaps",
		"succeeded", "probe", "hostile",
	} {
		for _, width := range []int{80, 120} {
			t.Run(fmt.Sprintf("%s/%d", name, width), func(t *testing.T) {
				screen := screenOf(width)
				golden(t, fmt.Sprintf("ladder_%s_%d", name, width), screen, ladderOf(t, screen, sample(t, name)))
			})
		}
	}
}

func TestLadderASCII(t *testing.T) {
	screen := screenOf(80)
	screen.ASCII = true
	golden(t, "ladder_ascii_80", screen, ladderOf(t, screen, sample(t, "both_ends")))
	checkScreen(t, screen, string(ladderOf(t, screen, sample(t, "hostile"))))
}

func TestLadderFitsEveryScreen(t *testing.T) {
	names, events := samples(t)
	for i, e := range events {
		for width := minLadder; width <= 130; width++ {
			screen := screenOf(width)
			t.Run(fmt.Sprintf("%s/%d", names[i], width), func(t *testing.T) {
				plain := ladderOf(t, screen, e)
				checkScreen(t, screen, string(plain))
				screen.Color = true
				if diff := cmp.Diff(string(plain), withoutColor(string(ladderOf(t, screen, e)))); diff != "" {
					t.Errorf("colours move the text: %s", diff)
				}
			})
		}
	}
}

func TestLadderOfAnEmptyEvent(t *testing.T) {
	screen := screenOf(80)
	text := string(ladderOf(t, screen, event.Event{}))
	checkScreen(t, screen, text)
	if !strings.Contains(text, "no TLS record was seen") {
		t.Errorf("does not say that there is nothing:\n%s", text)
	}
}

func TestLadderReportsThatItsOutputIsGone(t *testing.T) {
	if err := Ladder(brokenPipe{}, screenOf(80), event.Event{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}
