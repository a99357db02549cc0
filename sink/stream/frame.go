package stream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxFrame bounds the data of one server-sent event. An event with every field at its bound stays well below.
const maxFrame = 1 << 20

var errFrameTooLong = errors.New("an event longer than 1 MiB was passed over")

// frame is one server-sent event.
type frame struct {
	id   string // "" if it had none
	kind string // "" is a message
	data []byte // valid until the next frame; nil if it had none
}

// frames reads server-sent events (WHATWG HTML, section 9.2.6) of bounded size. Lines end in LF or CRLF; a lone CR, which the
// standard allows, is none that our hub writes, and stays a part of its line.
type frames struct {
	r       *bufio.Reader
	line    []byte
	data    []byte // of the frame that is being read
	hasData bool
	tooLong bool // the frame that is being read is
}

func newFrames(r io.Reader) *frames { return &frames{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next frame that has an id or data. With [errFrameTooLong] one was passed over and the next can be read; other errors
// are of the reader. A frame that the end of the stream cuts off is dropped.
func (f *frames) next() (frame, error) {
	for {
		next, err := f.read()
		switch {
		case err != nil:
			return frame{}, err
		case f.tooLong:
			return frame{}, errFrameTooLong
		case f.hasData:
			next.data = f.data
			return next, nil
		case next.id != "":
			return next, nil
		}
	}
}

// read reads lines up to an empty one.
func (f *frames) read() (next frame, err error) {
	f.data, f.hasData, f.tooLong = f.data[:0], false, false
	for {
		line, err := f.readLine()
		switch {
		case errors.Is(err, errFrameTooLong):
			f.tooLong = true
			continue
		case err != nil || len(line) == 0:
			return next, err
		}
		switch key, value := field(line); key {
		case "id":
			next.id = eventID(value)
		case "event":
			next.kind = string(value[:min(len(value), 64)])
		case "data":
			f.addData(value)
		}
	}
}

func (f *frames) addData(value []byte) {
	if f.hasData {
		f.data = append(f.data, '\n')
	}
	f.hasData = true
	if f.tooLong = f.tooLong || len(f.data)+len(value) > maxFrame; !f.tooLong {
		f.data = append(f.data, value...)
	}
}

// readLine returns a line without its end, valid until the next call.
func (f *frames) readLine() ([]byte, error) {
	f.line = f.line[:0]
	tooLong := false
	for {
		part, err := f.r.ReadSlice('\n')
		if tooLong = tooLong || len(f.line)+len(part) > maxFrame+64; !tooLong {
			f.line = append(f.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		case tooLong:
			return nil, errFrameTooLong
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(f.line, []byte("\n")), []byte("\r")), nil
	}
}

// field splits a line at its colon. A comment has an empty key.
func field(line []byte) (key string, value []byte) {
	k, value, _ := bytes.Cut(line, []byte(":"))
	return string(k[:min(len(k), 64)]), bytes.TrimPrefix(value, []byte(" "))
}

// eventID takes an id that our hub can have written, and no other: it goes back to the server in a header.
func eventID(value []byte) string {
	if len(value) > 20 {
		return ""
	}
	for _, b := range value {
		if b < '0' || b > '9' {
			return ""
		}
	}
	return string(value)
}
