package kernels

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadResults(t *testing.T) {
	result := Result{}
	sent := archiveOf(t, map[string]string{"./.exit": "3\n", "./events.json": "{}", "./deep/log": "said"})
	if err := readResults(&result, sent); err != nil {
		t.Fatal(err)
	}
	if result.ExitCode != 3 || len(result.Files) != 2 {
		t.Errorf("got exit code %d and %d files, want 3 and 2", result.ExitCode, len(result.Files))
	}
	if got := string(result.Files["deep/log"]); got != "said" {
		t.Errorf("deep/log holds %q, want %q", got, "said")
	}
}

func TestGuestThatDiesIsTold(t *testing.T) {
	result := Result{Console: "Kernel panic - not syncing"}
	err := readResults(&result, archiveOf(t, map[string]string{"./events.json": "{}"}))
	if !errors.Is(err, ErrGuestDied) || !strings.Contains(err.Error(), "not syncing") {
		t.Errorf("got %v, want %v with the console's last lines", err, ErrGuestDied)
	}
	if err := readResults(&result, write(t, nil)); !errors.Is(err, ErrGuestDied) {
		t.Errorf("nothing sent: got %v, want %v", err, ErrGuestDied)
	}
	if err := readResults(&result, write(t, []byte("half of a header"))); !errors.Is(err, ErrGuestDied) {
		t.Errorf("half sent: got %v, want %v", err, ErrGuestDied)
	}
}

// archiveOf writes what a guest would send.
func archiveOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var sent bytes.Buffer
	w := tar.NewWriter(&sent)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, sent.Bytes())
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "results.tar")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
