package proxylog_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer/library"
	"github.com/tlstrace/tlstrace/tracer/library/names"
	"github.com/tlstrace/tlstrace/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

// spell names an error as the command does.
func spell(reason int) string { return names.Reason(library.BoringSSL, reason) }

// readAll reads a log to its end and judges what it tells.
func readAll(t *testing.T, r io.Reader, o proxylog.Options) ([]event.Event, proxylog.Stats) {
	t.Helper()
	o.Reason = spell
	log := proxylog.NewReader(r, o)
	var all []event.Event
	for {
		e, err := log.Next()
		if errors.Is(err, io.EOF) {
			return all, log.Stats()
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, verdict.JudgeLog(e))
	}
}

// TestCorpus reads lines of the shapes that are named in testdata/SOURCES.md, and compares every event with the golden file.
func TestCorpus(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, path := range logs {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".log"), func(t *testing.T) {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			events, stats := readAll(t, file, proxylog.Options{})
			var got strings.Builder
			for i := range events {
				got.Write(sink.AppendJSON(nil, &events[i]))
				got.WriteByte('\n')
			}
			fmt.Fprintf(&got, "%+v\n", stats)
			compare(t, strings.TrimSuffix(path, ".log")+".golden", got.String())
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
