package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What an outlet holds at most while nobody reads.
const (
	outletLines = 8192
	outletBytes = 16 << 20
)

// errOutputGone says that the reader of the log has closed it: nobody will ever see what the agent tells.
var errOutputGone = errors.New("the reader of standard output is gone")

// errLinesLost says that lines were never written.
var errLinesLost = errors.New("not written")

// outlet puts a bounded queue in front of a pipe or a file, so that a reader who has stalled cannot stall the agent. Each Write is
// one line; a line that finds no room is dropped and counted.
type outlet struct {
	out     io.Writer
	lines   chan []byte
	waiting atomic.Int64  // bytes in lines
	dropped atomic.Uint64 // lines that found no room
	failed  atomic.Uint64 // lines that could not be written: a full disk, mostly
	gone    chan struct{} // closed when out is broken for good
	closing chan struct{} // closed by finish
	done    chan struct{} // closed when everything is written
	once    sync.Once
	torn    bool // the last line was written in part
}

// newOutlet starts writing to out.
func newOutlet(out io.Writer) *outlet {
	o := &outlet{
		out: out, lines: make(chan []byte, outletLines),
		gone: make(chan struct{}), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go o.drain()
	return o
}

// Write queues one line. It never blocks and never fails: what is lost is counted.
func (o *outlet) Write(line []byte) (int, error) {
	size := int64(len(line))
	if o.waiting.Add(size) > outletBytes {
		o.waiting.Add(-size)
		o.dropped.Add(1)
		return len(line), nil
	}
	select {
	case o.lines <- append([]byte(nil), line...):
	default:
		o.waiting.Add(-size)
		o.dropped.Add(1)
	}
	return len(line), nil
}

func (o *outlet) drain() {
	defer close(o.done)
	for {
		select {
		case line := <-o.lines:
			o.take(line)
		case <-o.closing:
			for len(o.lines) > 0 {
				o.take(<-o.lines)
			}
			return
		}
	}
}

// take writes one line, unless nobody can read it any more.
func (o *outlet) take(line []byte) {
	defer o.waiting.Add(-int64(len(line)))
	select {
	case <-o.gone:
		o.failed.Add(1)
	default:
		if o.put(line) {
			close(o.gone)
		}
	}
}

// put writes one line, and says whether the output is broken for good. What is left of a line that was cut, as on a full disk, is
// ended before the next, so that one line is lost and not two.
func (o *outlet) put(line []byte) (broken bool) {
	if o.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := o.out.Write(line)
	if err == nil {
		o.torn = false
		return false
	}
	o.torn = o.torn && n == 0 || n > 0 && n < len(line)
	o.failed.Add(1)
	return errors.Is(err, syscall.EPIPE)
}

// lost counts the lines that nobody will read.
func (o *outlet) lost() uint64 { return o.dropped.Load() + o.failed.Load() }

// finish writes what is queued, for at most that long. What is written to the outlet later is lost.
func (o *outlet) finish(patience time.Duration) error {
	o.once.Do(func() { close(o.closing) })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-o.done:
		return nil
	case <-timer.C:
		left := len(o.lines) + 1 // and the one that is being written
		return fmt.Errorf("%d lines: %w: the reader has stalled", left, errLinesLost)
	}
}
