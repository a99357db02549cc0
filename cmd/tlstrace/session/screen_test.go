package session

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/verdict"
)

func TestLiveViewFollowsTheSizeOfTheTerminal(t *testing.T) {
	size := sink.Screen{Width: 160, Height: 50}
	var out bytes.Buffer
	view := NewLive(&out, false, func() sink.Screen { return size })
	e := verdict.Judge(event.Event{
		Schema: event.Schema, ID: "aa", ObservedFrom: event.FromClient, TCP: event.TCP{Error: "ECONNREFUSED"},
		Client: event.Endpoint{Addr: netip.MustParseAddr("192.0.2.7"), Process: &event.Process{PID: 7, Comm: "curl"}},
		Server: event.Endpoint{Addr: netip.MustParseAddr("192.0.2.9"), Port: 443},
	})
	for _, width := range []int{160, 80, 66} {
		size.Width = width
		out.Reset()
		if err := view.Write(e); err != nil {
			t.Fatal(err)
		}
		widest := 0
		for line := range strings.Lines(out.String()) {
			widest = max(widest, runewidth.StringWidth(strings.TrimRight(line, "\n")))
		}
		if widest > width || !strings.Contains(out.String(), "REASON") {
			t.Errorf("at %d columns the widest line has %d, and the header is there anew: %v\n%s",
				width, widest, strings.Contains(out.String(), "REASON"), out.String())
		}
	}
}

func TestLiveViewShowsItsTitlesAtOnceOnATerminal(t *testing.T) {
	for width, want := range map[int]bool{80: true, 0: false} {
		var out bytes.Buffer
		view := NewLive(&out, false, func() sink.Screen { return sink.Screen{Width: width} })
		if err := view.Header(); err != nil {
			t.Fatal(err)
		}
		if got := strings.HasPrefix(out.String(), "TIME "); got != want {
			t.Errorf("%d columns: titles are there: %v", width, got)
		}
	}
}

func TestScreenOf(t *testing.T) {
	tests := []struct {
		name, color, lang    string
		wantColor, wantASCII bool
	}{
		{"no terminal", "auto", "C.UTF-8", false, false},
		{"colours asked for", "always", "en_US.utf8", true, false},
		{"colours forbidden", "never", "", false, false},
		{"a locale that cannot draw", "auto", "C", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("LC_ALL", tt.lang)
			t.Setenv("LC_CTYPE", "")
			t.Setenv("LANG", "")
			got := ScreenOf(&bytes.Buffer{}, tt.color)
			want := sink.Screen{Color: tt.wantColor, ASCII: tt.wantASCII}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
