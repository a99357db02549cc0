package sink

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/tlstrace/tlstrace/event"
)

// maxLine bounds one line of a recorded stream. An event with every field at its bound stays well below.
const maxLine = 1 << 20

// Why a line of a recorded stream could not be read. [LineError] wraps them.
var (
	ErrLineTooLong   = errors.New("the line is longer than 1 MiB")
	ErrHalfWritten   = errors.New("the line is half written: the stream was cut off")
	ErrUnknownSchema = errors.New("the line is no event that this version can read")
)

// LineError is a line that could not be read. The lines after it are read all the same.
type LineError struct {
	Name string // of the file, as it was handed in
	Line int    // from 1
	Err  error
}

func (e *LineError) Error() string {
	return fmt.Sprintf("%s:%d: %v", Escape(e.Name, maxText), e.Line, e.Err)
}

// Unwrap returns what was wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// ReadJSON replays a stream that [JSON] wrote. A line that cannot be read yields a [*LineError] and the rest is still
// read; an error of r itself is yielded last, as what it is. Fields that are not known are ignored, and so are empty lines.
func ReadJSON(r io.Reader, name string) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		lines := lineReader{r: bufio.NewReaderSize(r, 64<<10)}
		for number := 1; ; number++ {
			line, err := lines.next()
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			more := err == nil || errors.Is(err, ErrLineTooLong)
			if !more && !errors.Is(err, io.EOF) {
				yield(event.Event{}, fmt.Errorf("%s: after line %d: %w", Escape(name, maxText), number-1, err))
				return
			}
			if len(bytes.TrimSpace(line)) > 0 || errors.Is(err, ErrLineTooLong) {
				e, bad := decodeLine(line, err)
				if bad != nil {
					bad = &LineError{name, number, bad}
				}
				if !yield(e, bad) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// decodeLine reads one line; readErr says whether it is whole.
func decodeLine(line []byte, readErr error) (event.Event, error) {
	if errors.Is(readErr, ErrLineTooLong) {
		return event.Event{}, ErrLineTooLong
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		if errors.Is(readErr, io.EOF) && !json.Valid(line) {
			return event.Event{}, ErrHalfWritten
		}
		return event.Event{}, explainJSON(err)
	}
	switch {
	case head.Schema == nil:
		return event.Event{}, fmt.Errorf("%w: it has no schema, want %q", ErrUnknownSchema, event.Schema)
	case *head.Schema != event.Schema:
		return event.Event{}, fmt.Errorf("%w: its schema is %q, want %q", ErrUnknownSchema, Escape(*head.Schema, 60), event.Schema)
	}
	var e event.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return event.Event{}, explainJSON(err)
	}
	return e, nil
}

// explainJSON says where in the line the trouble is. The messages of encoding/json may quote the input.
func explainJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d: %s", syntax.Offset, Escape(syntax.Error(), maxText))
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("field %q at byte %d holds a %s", Escape(kind.Field, 60), kind.Offset, Escape(kind.Value, 60))
	}
	return errors.New(Escape(err.Error(), maxText))
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r   *bufio.Reader
	buf []byte
}

// next returns the next line without its end. The line is valid until the next call. With io.EOF it is the last one, and had no end;
// with [ErrLineTooLong] it was skipped.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		if tooLong = tooLong || len(l.buf)+len(part) > maxLine+1; !tooLong {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case tooLong:
			// The end of the stream is seen again by the next call.
			return nil, ErrLineTooLong
		}
		return bytes.TrimSuffix(l.buf, []byte("\n")), err
	}
}
