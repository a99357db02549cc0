package proxylog

import (
	"bufio"
	"errors"
	"io"
)

// MaxLine bounds a line, wrapper included, and what the parts of a wrapped line make together, in bytes. A longer one is passed over
// and counted.
const MaxLine = 1 << 20

// lines reads lines of bounded length from large blocks, without copying them.
type lines struct {
	r       *bufio.Reader
	bytes   uint64
	tooLong uint64
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, MaxLine)} }

// next returns the next line without its end. It is valid until the next call. The last line needs no end.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		l.bytes += uint64(len(line))
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			if err := l.skip(); err != nil {
				return nil, err
			}
		case len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		default:
			return nil, err
		}
	}
}

// skip passes over the rest of a line that is too long.
func (l *lines) skip() error {
	l.tooLong++
	for {
		part, err := l.r.ReadSlice('\n')
		l.bytes += uint64(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
