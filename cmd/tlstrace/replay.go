package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// replay is a recording, read from JSON lines. A line that cannot be read is told, and the rest is still read.
type replay struct {
	lines chan line
	warn  io.Writer
	file  io.Closer
	bad   int // lines that could not be read
	good  int
}

// line is one line of a recording: an event, or why it is none.
type line struct {
	event event.Event
	err   error
}

// openReplay opens a file, or standard input for "-".
func openReplay(w *world, path string) (*replay, error) {
	if path == "-" {
		return newReplay(w.stdin, "standard input", io.NopCloser(nil), w.stderr), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading recorded events: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("reading recorded events: %s is a directory", path), file.Close())
	}
	return newReplay(file, path, file, w.stderr), nil
}

// newReplay reads in a goroutine of its own, so that waiting for standard input can be interrupted.
func newReplay(in io.Reader, name string, file io.Closer, warn io.Writer) *replay {
	r := &replay{lines: make(chan line), warn: warn, file: file}
	go func() {
		defer close(r.lines)
		for e, err := range sink.ReadJSON(in, name) {
			r.lines <- line{e, err}
		}
	}()
	return r
}

// Read returns the next event, passing over what is none; io.EOF at the end.
func (r *replay) Read(ctx context.Context) (event.Event, error) {
	for {
		select {
		case <-ctx.Done():
			return event.Event{}, ctx.Err()
		case l, ok := <-r.lines:
			switch {
			case !ok:
				return event.Event{}, r.end()
			case l.err == nil:
				r.good++
				return l.event, nil
			}
			if bad := new(sink.LineError); !errors.As(l.err, &bad) {
				return event.Event{}, fmt.Errorf("reading recorded events: %w", l.err)
			}
			r.bad++
			fmt.Fprintf(r.warn, "tlstrace: passed over: %v\n", l.err)
		}
	}
}

// errNoEvents says that a recording held lines, and no event among them: most likely it is another kind of file.
var errNoEvents = errors.New("no recorded events in the input (tlstrace watch -o json writes them)")

func (r *replay) end() error {
	if r.bad > 0 && r.good == 0 {
		return errNoEvents
	}
	return io.EOF
}

// Close closes the file. It is called once, at the end of a command.
func (r *replay) Close() error { return r.file.Close() }
