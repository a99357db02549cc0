package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// waitFor waits until the log holds a text, so many times.
func (l *logged) waitFor(t *testing.T, text string, times int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Count(l.String(), text) >= times {
			return
		}
	}
	t.Fatalf("%q is not %d times in the log:\n%s", text, times, l)
}

// newTestReloader starts with the settings in a file.
func newTestReloader(t *testing.T, path string) (*reloader, *logged, func() *agentFlags) {
	t.Helper()
	w := newTestWorld(t)
	w.args = []string{"agent", "--config", path, "--node", "n1"}
	f, err := reread(w.world)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	applied := f
	text := &logged{}
	r := newReloader(w.world, f, func(f *agentFlags) error {
		mu.Lock()
		defer mu.Unlock()
		applied = f
		return nil
	}, slog.New(slog.NewJSONHandler(text, nil)))
	return r, text, func() *agentFlags {
		mu.Lock()
		defer mu.Unlock()
		return applied
	}
}

func TestReloadTakesWhatIsGoodAndRefusesTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, path, "fold: 1m\n")
	r, text, applied := newTestReloader(t, path)
	tests := []struct {
		name, file string
		good       bool
		fold       time.Duration
		told       string
	}{
		{"a filter and the folding", "fold: 2m\nnamespace: shop\n", true, 2 * time.Minute, `"changed":["fold","namespace"],"needs_a_restart":[]`},
		{"not YAML", "fold: [\n", false, 2 * time.Minute, "line 1"},
		{"an unknown key", "fold: 3m\nfolds: 3m\n", false, 2 * time.Minute, `:2: unknown key \"folds\"; did you mean \"fold\"`},
		{"a wrong value", "fold: 3m\nnode: n1\nreason: unkown_ca\n", false, 2 * time.Minute, `:3: reason: \"unkown_ca\" is not known`},
		{"out of bounds", "\nfold: 3h\n", false, 2 * time.Minute, ":2: --fold 3h0m0s: must be"},
		{"what waits for a restart", "fold: 3m\nring-bytes: 8192\nlisten: 127.0.0.1:1\nnode: other\n", true, 3 * time.Minute,
			`"changed":["fold","namespace"],"needs_a_restart":["listen","ring-bytes"]`},
		{"it still waits", "fold: 3m\nring-bytes: 8192\n", true, 3 * time.Minute, `"changed":[],"needs_a_restart":["ring-bytes"]`},
		{"nothing", "", true, 10 * time.Second, `"changed":["fold"],"needs_a_restart":[]`},
	}
	for _, tt := range tests {
		writeFile(t, path, tt.file)
		text.text.Reset()
		r.reload()
		if !strings.Contains(text.String(), tt.told) {
			t.Errorf("%s: %q is missing in %s", tt.name, tt.told, text)
		}
		if got := applied().fold; got != tt.fold {
			t.Errorf("%s: fold is %s, want %s", tt.name, got, tt.fold)
		}
		if good := r.lastGood() == 1; good != tt.good {
			t.Errorf("%s: the last reading counts as good: %v", tt.name, good)
		}
	}
}

func TestReloadFollowsTheFile(t *testing.T) {
	dir := t.TempDir()
	// As kubelet lays out a ConfigMap: the file is a link to ..data/config.yaml, and ..data a link that is replaced.
	put(t, filepath.Join(dir, "..1"), "config.yaml", "fold: 1m\n")
	link(t, "..1", filepath.Join(dir, "..data"))
	link(t, "..data/config.yaml", filepath.Join(dir, "config.yaml"))
	r, text, applied := newTestReloader(t, filepath.Join(dir, "config.yaml"))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	hup := make(chan os.Signal)
	running.Go(func() { r.run(ctx, hup) })
	hup <- os.Interrupt // it runs, and watches
	text.waitFor(t, "was read again", 1)

	put(t, filepath.Join(dir, "..2"), "config.yaml", "fold: 2m\n")
	link(t, "..2", filepath.Join(dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	text.waitFor(t, "was read again", 2)
	if got := applied().fold; got != 2*time.Minute {
		t.Errorf("after the ConfigMap: fold is %s", got)
	}
	if err := os.Remove(filepath.Join(dir, "..2", "config.yaml")); err != nil {
		t.Fatal(err)
	}
	hup <- os.Interrupt
	text.waitFor(t, "is refused, the old one stays", 1)
	if got := applied().fold; got != 2*time.Minute {
		t.Errorf("without the file: fold is %s", got)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
