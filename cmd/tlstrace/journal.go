package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

const (
	journalEvents = 100         // failures that are kept for explain
	journalBytes  = 4 << 20     // read of an old file; an event has a few kilobytes
	journalPause  = time.Second // the file is written at most this often
	systemJournal = "/run/tlstrace/last.jsonl"
)

// journal keeps the last failures in a small file, so that explain can draw one after watch has shown it.
// The file is replaced as a whole, readable by its owner only, and holds [journalEvents] events at most.
type journal struct {
	path  string
	mu    sync.Mutex
	lines [][]byte
	timer *time.Timer // runs while the file is behind; nil if it is not
	err   error       // of the last write
	warn  io.Writer
}

// journalPath is where this user's journal is: in $XDG_STATE_HOME if that is set, else in /run for root, else in the
// default that the XDG base directory specification gives.
func journalPath() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tlstrace", "last.jsonl"), nil
	}
	if os.Geteuid() == 0 {
		return systemJournal, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the last events: %w", err)
	}
	return filepath.Join(home, ".local", "state", "tlstrace", "last.jsonl"), nil
}

// openJournal starts with what the file holds already; a file that cannot be read starts empty.
func openJournal(path string, warn io.Writer) *journal {
	j := &journal{path: path, warn: warn}
	file, err := os.Open(path)
	if err != nil {
		return j
	}
	defer file.Close()
	old, _ := io.ReadAll(io.LimitReader(file, journalBytes)) // what could be read will do
	for line := range bytes.Lines(old) {
		j.add(bytes.TrimRight(line, "\n"))
	}
	return j
}

// Write keeps a failure; anything else is not kept.
func (j *journal) Write(e event.Event) error {
	if e.Outcome != event.Failed {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(line)
	if j.timer == nil {
		j.timer = time.AfterFunc(journalPause, func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.flush()
		})
	}
	return nil
}

// Close writes what is not written yet. That it could not is told, and is no error: what was watched was shown.
func (j *journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.timer != nil {
		j.timer.Stop()
		j.flush()
	}
	if j.err != nil {
		fmt.Fprintf(j.warn, "tlstrace: explain will not find the last failures: %v\n", j.err)
	}
	return nil
}

func (j *journal) add(line []byte) {
	j.lines = append(j.lines, line)
	if extra := len(j.lines) - journalEvents; extra > 0 {
		j.lines = append([][]byte(nil), j.lines[extra:]...)
	}
}

func (j *journal) flush() {
	j.timer = nil
	dir := filepath.Dir(j.path)
	text := append(bytes.Join(j.lines, []byte("\n")), '\n')
	j.err = errors.Join(os.MkdirAll(dir, 0o700), replaceFile(j.path, text))
}

// replaceFile writes a file readable by its owner only, so that a reader sees the old content or the new, never half.
func replaceFile(path string, text []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, withoutPath(err))
	}
	_, errWrite := temp.Write(text)
	err = errors.Join(errWrite, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(temp.Name()))
	}
	return nil
}

// withoutPath drops the name of a temporary file, which means nothing to a user.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
