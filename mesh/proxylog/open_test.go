package proxylog_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tlstrace/tlstrace/mesh/proxylog"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}

// TestOpen reads a log by its content: names say nothing.
func TestOpen(t *testing.T) {
	const text = "a line\nanother\n"
	tests := []struct {
		name    string
		file    string
		content []byte
		want    string
	}{
		{"plain", "access.log", []byte(text), text},
		{"plain under another name", "access.log.gz", []byte(text), text},
		{"gzip", "access.log.1", gzipped(t, text), text},
		{"gzip, two members", "access.log", append(gzipped(t, "a line\n"), gzipped(t, "another\n")...), text},
		{"zstd", "access.log", zstandard(t, text), text},
		{"empty", "access.log", nil, ""},
		{"one byte", "access.log", []byte("\x1f"), "\x1f"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			log, err := proxylog.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(log)
			if err != nil || string(got) != tt.want {
				t.Errorf("%q, %v", got, err)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.gz")
	if err := os.WriteFile(cut, gzipped(t, "a line\n")[:12], 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := proxylog.Open(cut)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(log); err == nil {
		t.Error("a file that was cut short is read without an error")
	}
	log.Close()
	for _, path := range []string{dir, filepath.Join(dir, "absent")} {
		if _, err := proxylog.Open(path); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}

func TestRotations(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.log", "a.log.1", "a.log.2.gz", "a.log.10.zst", "a.log.bak", "a.log.1.old", "b.log.1", "0.log",
		"0.log.20260131-150405", "0.log.20260130-150405.gz", "0.log.20260201-000000.tmp",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string][]string{
		"a.log": {"a.log.10.zst", "a.log.2.gz", "a.log.1", "a.log"},
		"0.log": {"0.log.20260130-150405.gz", "0.log.20260131-150405", "0.log"},
		"b.log": {"b.log.1"},
		"c.log": {"c.log"},
	} {
		all, err := proxylog.Rotations(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range all {
			got = append(got, filepath.Base(p))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}
