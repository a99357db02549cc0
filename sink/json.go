package sink

import (
	"io"

	"github.com/tlstrace/tlstrace/event"
)

// JSON writes one object per line: schema [event.Schema].
type JSON struct {
	w   io.Writer
	buf []byte
}

// NewJSON makes a sink that writes JSON lines to w, one Write call per event.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// Write writes one event as one line.
func (j *JSON) Write(e event.Event) error {
	j.buf = append(AppendJSON(j.buf[:0], &e), '\n')
	_, err := j.w.Write(j.buf)
	return err
}

// Close does nothing: every event was written when it came.
func (j *JSON) Close() error { return nil }
