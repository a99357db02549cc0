package history

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/sink"
)

const (
	batchEntries = 256       // that are asked for at a time
	batchBytes   = 256 << 10 // that are written at a time
	closeWait    = 5 * time.Second
)

// ErrNotOnDisk says that events were not written to disk when the history was closed.
var ErrNotOnDisk = errors.New("events that the disk has not taken")

// disk writes a history's entries to files, in a goroutine of its own. What the disk does not take stays in memory, and is tried again
// for as long as it is there.
type disk struct {
	history *History
	log     *slog.Logger
	retry   time.Duration
	closing chan struct{}
	done    chan struct{}

	// The goroutine's own.
	seg    segments
	lines  []byte
	object []byte

	mu       sync.Mutex // of progress; not held while the disk is waited for
	progress progress
}

// progress is what the goroutine tells of itself.
type progress struct {
	written uint64 // number of the last entry that was written or given up
	lost    uint64
	errors  uint64
	failing bool
	bytes   int64
	files   int
}

func openDisk(h *History, o Options) (*disk, error) {
	files, err := openDir(o.Dir)
	if err != nil {
		return nil, err
	}
	return &disk{
		history: h, log: o.Logger, retry: o.Retry, closing: make(chan struct{}), done: make(chan struct{}),
		seg: segments{dir: o.Dir, maxBytes: o.DiskBytes, maxFile: max(o.DiskBytes/filesPerHistory, 1), files: files},
	}, nil
}

// openDir makes a directory and lists what it holds. If the disk has no room for it, it will be made when it has.
func openDir(dir string) ([]segment, error) {
	err := os.MkdirAll(dir, 0o700)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return listSegments(dir)
}

// begin goes on where an earlier life ended.
func (d *disk) begin(after uint64) {
	d.seg.continueLast()
	d.progress.written = after
	d.progress.bytes, d.progress.files = d.seg.total(), len(d.seg.files)
	go d.run(after)
}

// run writes what comes after a number until the history is closed, then what is left, once.
func (d *disk) run(after uint64) {
	defer close(d.done)
	for {
		changed := d.history.Changed()
		closing := d.isClosing()
		batch := d.history.After(after, batchEntries)
		if len(batch.Entries) == 0 && batch.Missed == 0 {
			if closing {
				break
			}
			d.wait(changed, nil)
			continue
		}
		n, err := d.write(batch.Entries)
		after = reached(batch, n)
		d.tell(after, batch.Missed, err)
		if err == nil {
			continue
		}
		if closing {
			break // the disk had its chance
		}
		timer := time.NewTimer(d.retry)
		d.wait(nil, timer.C)
		timer.Stop()
	}
	if err := d.seg.leave(); err != nil {
		d.tell(after, 0, err)
	}
}

// reached is the number of the last entry of a batch that is done with, when n of its entries were written.
func reached(batch Batch, n int) uint64 {
	switch {
	case n > 0:
		return batch.Entries[n-1].Number
	case len(batch.Entries) > 0:
		return batch.Entries[0].Number - 1
	}
	return batch.Next
}

func (d *disk) isClosing() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

func (d *disk) wait(changed <-chan struct{}, timeout <-chan time.Time) {
	select {
	case <-changed:
	case <-timeout:
	case <-d.closing:
	}
}

// write appends entries, and returns how many of them are done with before an error: written, or too long for any file.
func (d *disk) write(entries []*Entry) (done int, err error) {
	for done < len(entries) {
		d.encode(entries[done:])
		if int64(len(d.lines)) > d.seg.maxFile {
			d.giveUp()
			done++
			continue
		}
		if err := d.seg.room(int64(len(d.lines)), entries[done].Number); err != nil {
			return done, err
		}
		whole, err := d.seg.write(d.lines)
		done += whole
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// encode puts the lines of the first entries into d.lines: one, and as many more as a write and a file have room for.
func (d *disk) encode(entries []*Entry) {
	d.lines = d.lines[:0]
	for _, e := range entries {
		before := len(d.lines)
		d.object = sink.AppendJSON(d.object[:0], &e.Event)
		d.lines = appendLine(d.lines, e.Number, d.object)
		if before > 0 && (len(d.lines) > batchBytes || int64(len(d.lines)) > d.seg.maxFile) {
			d.lines = d.lines[:before]
			return
		}
	}
}

func (d *disk) giveUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.progress.lost++
}

// tell publishes how far the disk is, and logs when it begins to refuse writes, and when it takes them again.
func (d *disk) tell(written, missed uint64, err error) {
	d.mu.Lock()
	p := &d.progress
	failed := p.failing
	p.written, p.failing = written, err != nil
	p.lost += missed
	p.bytes, p.files = d.seg.total(), len(d.seg.files)
	if err != nil {
		p.errors++
	}
	lost := p.lost
	d.mu.Unlock()
	switch {
	case err != nil && !failed:
		d.log.Warn("history: the disk refuses writes; events are kept in memory, and tried again", "error", err.Error())
	case err == nil && failed:
		d.log.Info("history: the disk takes writes again", "lost", lost)
	}
}

// close lets the goroutine write what is left, and waits for it.
func (d *disk) close() error {
	close(d.closing)
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-d.done:
	case <-timer.C: // a disk that hangs
	}
	var s Stats
	d.stats(&s, d.history.Last())
	if s.DiskPending > 0 {
		return fmt.Errorf("closing the history: %d %w", s.DiskPending, ErrNotOnDisk)
	}
	return nil
}

func (d *disk) stats(s *Stats, last uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.progress
	s.DiskBytes, s.DiskFiles = p.bytes, p.files
	s.DiskPending = last - p.written
	s.DiskLost, s.DiskErrors, s.DiskFailing = p.lost, p.errors, p.failing
}
