package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fullDisk takes room bytes, then says that there is no more, until it is given some.
type fullDisk struct {
	mu   sync.Mutex
	room int
	text bytes.Buffer
}

func (d *fullDisk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(b), d.room)
	d.room -= n
	d.text.Write(b[:n])
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *fullDisk) free(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += room
}

func TestOutletDropsWhatAStalledReaderLeavesNoRoomFor(t *testing.T) {
	reader, writer := io.Pipe() // nobody reads
	o := newOutlet(writer)
	const lines = 3 * outletLines
	for i := range lines {
		if n, err := fmt.Fprintln(o, i); err != nil || n == 0 {
			t.Fatalf("line %d: %d, %v", i, n, err)
		}
	}
	if err := o.finish(time.Millisecond); !errors.Is(err, errLinesLost) {
		t.Errorf("finish: %v, want %v", err, errLinesLost)
	}
	written := make(chan int)
	go func() {
		text, _ := io.ReadAll(reader)
		written <- strings.Count(string(text), "\n")
	}()
	<-o.done
	writer.Close()
	if got := uint64(<-written) + o.lost(); got != lines {
		t.Errorf("%d lines were written or counted as lost, want %d", got, lines)
	}
	if o.lost() < lines-outletLines-1 {
		t.Errorf("%d lines lost: the queue is not bounded", o.lost())
	}
}

func TestOutletBoundsBytes(t *testing.T) {
	_, writer := io.Pipe() // nobody reads
	o := newOutlet(writer)
	line := make([]byte, 1<<20)
	for range 2 * outletBytes >> 20 {
		_, _ = o.Write(line)
	}
	if held := o.waiting.Load(); held > outletBytes {
		t.Errorf("%d bytes wait, want at most %d", held, outletBytes)
	}
	if o.lost() < outletBytes>>20 {
		t.Errorf("%d lines lost, want half of them", o.lost())
	}
}

func TestOutletSaysThatItsReaderIsGone(t *testing.T) {
	o := newOutlet(writerFunc(func([]byte) (int, error) { return 0, fmt.Errorf("write: %w", syscall.EPIPE) }))
	fmt.Fprintln(o, "one")
	<-o.gone
	fmt.Fprintln(o, "two")
	if err := o.finish(time.Minute); err != nil {
		t.Error(err)
	}
	if o.lost() != 2 {
		t.Errorf("%d lines lost, want 2", o.lost())
	}
}

func TestOutletLosesOnlyTheLineThatAFullDiskCut(t *testing.T) {
	disk := &fullDisk{room: 7}
	o := newOutlet(disk)
	fmt.Fprintln(o, "one")
	fmt.Fprintln(o, "second") // cut
	fmt.Fprintln(o, "third")  // not a byte of it
	for o.failed.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	disk.free(100)
	fmt.Fprintln(o, "fourth")
	if err := o.finish(time.Minute); err != nil {
		t.Error(err)
	}
	if got, want := disk.text.String(), "one\nsec\nfourth\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	select {
	case <-o.gone:
		t.Error("a full disk is no reason to give up")
	default:
	}
}

func TestOutletMayBeWrittenToAfterItsEnd(t *testing.T) {
	var text bytes.Buffer
	o := newOutlet(&text)
	fmt.Fprintln(o, "one")
	if err := errors.Join(o.finish(time.Minute), o.finish(time.Minute)); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(o, "late")
	if text.String() != "one\n" {
		t.Errorf("got %q", text.String())
	}
}
