package session

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// ColorModes are the values of --color.
var ColorModes = []string{"auto", "always", "never"}

// ScreenOf describes what out is at this moment: its size if it is a terminal, and whether colours are wanted.
// NO_COLOR (no-color.org) turns colours off unless they are asked for by --color always.
func ScreenOf(out io.Writer, color string) sink.Screen {
	s := sink.Screen{Color: color == "always", ASCII: !utf8Locale()}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	if width, height, err := term.GetSize(int(file.Fd())); err == nil {
		s.Width, s.Height = width, height
	}
	if color == "auto" {
		s.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// utf8Locale says whether the locale in force (locale(7): the first of these that is set) is one of UTF-8.
// With none set, as in a container or under sudo, the terminal is taken to be able to draw: nearly all can.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			upper := strings.ToUpper(value)
			return strings.Contains(upper, "UTF-8") || strings.Contains(upper, "UTF8")
		}
	}
	return true
}

// Live is [sink.Columns] on a terminal that the user may resize: it is laid out anew when the size has changed.
type Live struct {
	out    io.Writer
	wide   bool
	size   func() sink.Screen
	screen sink.Screen
	cols   *sink.Columns
}

// NewLive makes a view on out; size tells the screen as it is at this moment.
func NewLive(out io.Writer, wide bool, size func() sink.Screen) *Live {
	screen := size()
	return &Live{out: out, wide: wide, size: size, screen: screen, cols: sink.NewColumns(out, screen, wide)}
}

// Header writes the titles now if this is a terminal, so that it shows that something runs before anything fails.
func (l *Live) Header() error {
	if l.screen.Width == 0 {
		return nil
	}
	return l.cols.Header()
}

// Write shows one event, fitted to the screen as it is now.
func (l *Live) Write(e event.Event) error {
	if now := l.size(); now != l.screen {
		l.screen, l.cols = now, sink.NewColumns(l.out, now, l.wide)
	}
	return l.cols.Write(e)
}

// Close ends the view.
func (l *Live) Close() error { return l.cols.Close() }
