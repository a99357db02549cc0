package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// eventually waits for what a goroutine will do. It fails only after far longer than that can take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func onDisk(t *testing.T, h *History) {
	t.Helper()
	eventually(t, "everything on disk", func() bool { return h.Stats().DiskPending == 0 })
}

// closed closes a history that must have got everything to disk.
func closed(t *testing.T, h *History) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []segment {
	t.Helper()
	all, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "anew")
	first := open(t, Options{Dir: dir})
	write(t, first, 0, 50)
	closed(t, first)
	second := open(t, Options{Dir: dir})
	if after, whole := second.Resume(first.Last()); after != first.Last() || !whole {
		t.Errorf("a reader who had seen everything resumes after %d, %v; want %d", after, whole, first.Last())
	}
	if first.Last() >= second.first {
		t.Errorf("number %d is given out twice", second.first)
	}
	write(t, second, 50, 60)
	closed(t, second)
	third := open(t, Options{Dir: dir})
	if diff := cmp.Diff(ids(second, time.Time{}), ids(third, time.Time{})); diff != "" {
		t.Error(diff)
	}
	if s := third.Stats(); s.Restored != 60 || s.Torn+s.Unreadable != 0 || s.DiskFiles != 1 {
		t.Errorf("got %+v", s)
	}
	if b := third.After(first.Last(), 100); len(b.Entries) != 10 || b.Missed != 0 {
		t.Errorf("%d entries after the first life, missed %d", len(b.Entries), b.Missed)
	}
}

func TestFilesAreForTheirOwnerOnlyAndReplayable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	h := open(t, Options{Dir: dir})
	write(t, h, 0, 3)
	closed(t, h)
	for path, want := range map[string]os.FileMode{dir: 0o700, files(t, dir)[0].path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	file, err := os.Open(files(t, dir)[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for e, err := range sink.ReadJSON(file, "history") {
		if err != nil || e.ID != fmt.Sprint(n) {
			t.Errorf("%q, %v", e.ID, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d events", n)
	}
}

func TestFilesStayWithinTheirBound(t *testing.T) {
	dir := t.TempDir()
	const limit = 64 << 10
	h := open(t, Options{Dir: dir, DiskBytes: limit})
	for n := 0; n < 3000; n += 100 {
		write(t, h, n, n+100)
		onDisk(t, h)
		var total int64
		for _, f := range files(t, dir) {
			total += f.size
		}
		if total > limit || total != h.Stats().DiskBytes {
			t.Fatalf("%d bytes on disk, said %d, bound %d", total, h.Stats().DiskBytes, limit)
		}
	}
	closed(t, h)
	again := open(t, Options{Dir: dir, DiskBytes: limit})
	if got := ids(again, time.Time{}); !strings.HasSuffix(got, "2997 2998 2999") || again.Stats().Restored < 100 {
		t.Errorf("%d restored, the last ones %s", again.Stats().Restored, got[max(len(got)-20, 0):])
	}
	small := open(t, Options{Dir: dir, DiskBytes: limit, Events: 5})
	if got := ids(small, time.Time{}); got != "2995 2996 2997 2998 2999" {
		t.Errorf("with room for 5: %s", got)
	}
}

func TestAnEventLongerThanAFile(t *testing.T) {
	h := open(t, Options{Dir: t.TempDir(), DiskBytes: 8 << 10})
	long := numbered(1)
	long.Verdict.Hint = strings.Repeat("x", 4<<10)
	write(t, h, 0, 1)
	if err := h.Write(long); err != nil {
		t.Fatal(err)
	}
	write(t, h, 2, 3)
	onDisk(t, h)
	if s := h.Stats(); s.DiskLost != 1 || s.Events != 3 || s.DiskErrors != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestDamage(t *testing.T) {
	good := func(n int) string {
		e := numbered(n)
		return string(appendLine(nil, uint64(n+1), sink.AppendJSON(nil, &e)))
	}
	for _, c := range []struct {
		name, content    string
		torn, unreadable uint64
		ids              string
	}{
		{"whole", good(1) + good(2), 0, 0, "1 2"},
		{"torn in a line", good(1) + good(2)[:70], 1, 0, "1"},
		{"torn before the line end", good(1) + strings.TrimSuffix(good(2), "\n"), 1, 0, "1"},
		{"zeros of a power loss", good(1) + strings.Repeat("\x00", 4096), 1, 0, "1"},
		{"no JSON", good(1) + "{\"number\":5,\n" + good(2), 0, 1, "1 2"},
		{"no number", good(1) + "{\"schema\":\"tlstrace.event/v1\"}\n", 0, 1, "1"},
		{"a number that cannot be", good(1) + `{"number":18446744073709551615,` + good(2)[len(`{"number":3,`):], 0, 1, "1"},
		{"another schema", good(1) + `{"number":7,"schema":"tlstrace.event/v9"}` + "\n", 0, 1, "1"},
		{"empty lines", good(1) + "\n\n" + good(2), 0, 2, "1 2"},
		{"the same number twice", good(1) + good(1) + good(2), 0, 0, "1 2"},
		{"empty", "", 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 1), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "events-1.jsonl"), []byte(good(9)), 0o600); err != nil {
				t.Fatal(err) // not a name of ours
			}
			h := open(t, Options{Dir: dir})
			s := h.Stats()
			if got := ids(h, time.Time{}); got != c.ids || s.Torn != c.torn || s.Unreadable != c.unreadable {
				t.Errorf("%q, torn %d, unreadable %d", got, s.Torn, s.Unreadable)
			}
			write(t, h, 5, 6)
			closed(t, h)
			again := open(t, Options{Dir: dir})
			if got := ids(again, time.Time{}); got != strings.TrimSpace(c.ids+" 5") || again.Stats().Torn != 0 {
				t.Errorf("after another life: %q, torn %d", got, again.Stats().Torn)
			}
		})
	}
}

// While an agent is replaced by its next version both run for a moment.
func TestTwoHistoriesInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Options{Dir: dir})
	write(t, first, 0, 10)
	onDisk(t, first)
	second := open(t, Options{Dir: dir})
	write(t, second, 20, 30)
	write(t, first, 10, 20)
	closed(t, second)
	closed(t, first)
	var want []string
	for n := range 30 {
		want = append(want, fmt.Sprint(n))
	}
	if got := ids(open(t, Options{Dir: dir}), time.Time{}); got != strings.Join(want, " ") {
		t.Errorf("got %s", got)
	}
}

func TestOpenSaysWhatIsWrongWithTheDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

func TestHostileStringsSurviveTheDisk(t *testing.T) {
	dir := t.TempDir()
	hostile := numbered(0)
	hostile.TLS = &event.TLS{SNI: "a\nb\r\x1b[2J\"\\\u202e\x00" + strings.Repeat("x", 64<<10), ALPN: "\xff\xfe"}
	hostile.Client.Process = &event.Process{Comm: "\n{\"number\":1,"}
	h := open(t, Options{Dir: dir})
	if err := h.Write(hostile); err != nil {
		t.Fatal(err)
	}
	write(t, h, 1, 2)
	closed(t, h)
	raw, err := os.ReadFile(files(t, dir)[0].path)
	if err != nil || bytes.Count(raw, []byte("\n")) != 2 || bytes.ContainsAny(raw, "\x1b\x00\r") {
		t.Errorf("%d lines, %v", bytes.Count(raw, []byte("\n")), err)
	}
	again := open(t, Options{Dir: dir})
	for e := range again.Since(time.Time{}) {
		if e.ID == "0" && (e.TLS.SNI != hostile.TLS.SNI || e.TLS.ALPN != "\ufffd\ufffd" || e.Client.Process.Comm != hostile.Client.Process.Comm) {
			t.Errorf("changed: %.80q %q %q", e.TLS.SNI, e.TLS.ALPN, e.Client.Process.Comm)
		}
	}
	if got := ids(again, time.Time{}); got != "0 1" {
		t.Errorf("got %q", got)
	}
}

// logs collects what a logger was told.
type logs struct {
	bytes.Buffer
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// FuzzRestore feeds the reader of files with anything.
func FuzzRestore(f *testing.F) {
	e := numbered(1)
	line := appendLine(nil, 7, sink.AppendJSON(nil, &e))
	f.Add(line)
	f.Add(line[:40])
	f.Add([]byte("{\"number\":1,}\n\n\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		before := h.Stats().Events
		if err := h.Write(numbered(1)); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if got := again.Stats().Events; got != before+1 {
			t.Errorf("%d events, then one more, then %d", before, got)
		}
	})
}

// BenchmarkRestore is what a restart costs with a full history.
func BenchmarkRestore(b *testing.B) {
	raw, err := os.ReadFile("../testdata/both_ends.json")
	if err != nil {
		b.Fatal(err)
	}
	var e event.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	h := open(b, Options{Dir: dir})
	for range DefaultEvents {
		_ = h.Write(e)
	}
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		again := open(b, Options{Dir: dir})
		if n := again.Stats().Events; n != DefaultEvents {
			b.Fatal(n)
		}
		_ = again.Close()
	}
}
