package proxylog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// DefaultPoll is how often a followed file is looked at even if nobody says that it has changed: what a symbolic link points to, and
// some file systems, send no notice.
const DefaultPoll = time.Second

// TailOptions say how a file is followed.
type TailOptions struct {
	// FromEnd leaves out what is in the file already.
	FromEnd bool
	// Poll is how often the file is looked at at the least; 0 is [DefaultPoll].
	Poll time.Duration
}

// Tail is a reader of a file that grows. It goes on in the new file when the file was renamed and made anew, and from the start when
// it was truncated. A file that is not there yet is waited for. It is used by one goroutine at a time.
type Tail struct {
	ctx     context.Context
	path    string
	options TailOptions
	watcher *fsnotify.Watcher // nil if the system grants none: then there is only the poll
	file    *os.File
	offset  int64
	midLine bool // the last byte that was read ended no line
	skip    bool // of the first file, what is in it already
}

// Follow begins to follow a file. Reading blocks until there is more, and returns io.EOF once ctx is done.
func Follow(ctx context.Context, path string, o TailOptions) (*Tail, error) {
	if o.Poll <= 0 {
		o.Poll = DefaultPoll
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	t := &Tail{ctx: ctx, path: path, options: o, skip: o.FromEnd}
	if watcher, err := fsnotify.NewWatcher(); err == nil {
		if err := watcher.Add(filepath.Dir(path)); err != nil {
			return nil, errors.Join(fmt.Errorf("following %s: %w", path, err), watcher.Close())
		}
		t.watcher = watcher
	}
	if err := t.reopen(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, t.Close())
	}
	t.skip = false
	return t, nil
}

// Close ends it.
func (t *Tail) Close() error {
	var errs []error
	if t.watcher != nil {
		errs = append(errs, t.watcher.Close())
	}
	if t.file != nil {
		errs = append(errs, t.file.Close())
	}
	return errors.Join(errs...)
}

// Read returns what has come.
func (t *Tail) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if n, err := t.more(p); n > 0 || err != nil {
			return n, err
		}
		now, err := t.look()
		switch {
		case err != nil:
			return 0, err
		case now == anew && t.midLine: // the line will never be ended
			t.midLine = false
			p[0] = '\n'
			return 1, nil
		case now == same && !t.wait():
			return 0, io.EOF
		}
	}
}

// more reads from the file that is open, if there is one.
func (t *Tail) more(p []byte) (int, error) {
	if t.file == nil {
		return 0, nil
	}
	n, err := t.file.Read(p)
	if n > 0 {
		t.offset += int64(n)
		t.midLine = p[n-1] != '\n'
		return n, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("following %s: %w", t.path, err)
	}
	return 0, nil
}

// change is what has become of a followed file since the last read.
type change int

const (
	same  change = iota
	grown        // there is more to read
	anew         // another file is open now, or the same was begun again
)

// look finds out, and opens what has taken the file's place.
func (t *Tail) look() (change, error) {
	now, err := os.Stat(t.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // between the rename and the new file
			return same, nil
		}
		return same, fmt.Errorf("following %s: %w", t.path, err)
	}
	if t.file == nil {
		return anew, t.reopen()
	}
	open, err := t.file.Stat()
	switch {
	case err != nil:
		return same, fmt.Errorf("following %s: %w", t.path, err)
	case open.Size() > t.offset: // perhaps written between the last read and the rename
		return grown, nil
	case !os.SameFile(now, open):
		return anew, t.reopen()
	case open.Size() < t.offset:
		t.offset = 0
		_, err := t.file.Seek(0, io.SeekStart)
		return anew, err
	}
	return same, nil
}

// reopen opens the file that has the name now.
func (t *Tail) reopen() error {
	file, err := os.Open(t.path)
	if err != nil {
		return fmt.Errorf("following %w", err)
	}
	var offset int64
	if t.skip {
		if offset, err = file.Seek(0, io.SeekEnd); err != nil {
			return errors.Join(fmt.Errorf("following %s: %w", t.path, err), file.Close())
		}
	}
	if t.file != nil {
		t.file.Close() // it was only read
	}
	t.file, t.offset = file, offset
	return nil
}

// wait returns when the file may have changed, and false when there is nothing to wait for any more.
func (t *Tail) wait() bool {
	timer := time.NewTimer(t.options.Poll)
	defer timer.Stop()
	var notices chan fsnotify.Event
	var troubles chan error
	if t.watcher != nil {
		notices, troubles = t.watcher.Events, t.watcher.Errors
	}
	for {
		select {
		case <-t.ctx.Done():
			return false
		case <-timer.C:
			return true
		case _, ok := <-troubles: // notices were lost: look
			if ok {
				return true
			}
			troubles = nil
		case notice, ok := <-notices:
			if !ok {
				notices = nil
			} else if notice.Name == t.path || filepath.Base(notice.Name) == filepath.Base(t.path) {
				return true
			}
		}
	}
}
