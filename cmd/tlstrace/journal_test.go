package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestJournalIsBoundedAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tlstrace", "last.jsonl")
	var warned bytes.Buffer
	for run := range 2 { // the second continues the file of the first
		j := openJournal(path, &warned)
		for i := range journalEvents {
			if err := j.Write(event.Event{ID: fmt.Sprintf("%d-%d", run, i), Outcome: event.Failed}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Write(event.Event{ID: "fine", Outcome: event.Succeeded}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got != journalEvents {
		t.Errorf("the file holds %d lines, want %d", got, journalEvents)
	}
	if bytes.Contains(text, []byte(`"0-`)) || bytes.Contains(text, []byte("fine")) {
		t.Error("the file holds older events than the last, or successes")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the file has mode %o, want 600", got)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file there is %v, %v", entries, err)
	}
}

func TestJournalThatCannotBeWrittenIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var warned bytes.Buffer
	j := openJournal(filepath.Join(file, "last.jsonl"), &warned)
	if err := errors.Join(j.Write(event.Event{Outcome: event.Failed}), j.Close()); err != nil {
		t.Errorf("got %v: watching must not fail for it", err)
	}
	if !strings.Contains(warned.String(), "explain will not find") {
		t.Errorf("got %q", warned.String())
	}
}
