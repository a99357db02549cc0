//go:build linux

package history

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tinyDisk mounts a file system with bounds such as size=256k, as only root can.
func tinyDisk(t *testing.T, bounds string) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, bounds)
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") == "" {
		t.Skip("mounting a small tmpfs needs root")
	}
	if err != nil {
		t.Fatalf("mounting a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	disk := tinyDisk(t, "size=256k")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 192<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var told logs
	dir := filepath.Join(disk, "history")
	h := open(t, Options{Dir: dir, DiskBytes: 160 << 10, Retry: time.Millisecond, Logger: told.logger()})
	const events = 700 // about 140 KB, with 60 KB free
	write(t, h, 0, events)
	eventually(t, "the disk is full", func() bool { return h.Stats().DiskErrors > 3 })
	if s := h.Stats(); s.Events != events || !s.DiskFailing || s.DiskLost != 0 || s.DiskPending == 0 {
		t.Fatalf("full: %+v", s)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	onDisk(t, h)
	eventually(t, "recovery", func() bool { return !h.Stats().DiskFailing })
	write(t, h, events, events+5)
	closed(t, h)
	if text := told.String(); strings.Count(text, "refuses") != 1 || strings.Count(text, "again\" lost=0") != 1 {
		t.Errorf("told:\n%s", text)
	}
	again := open(t, Options{Dir: dir, DiskBytes: 160 << 10})
	want := ids(h, time.Time{})
	if got := ids(again, time.Time{}); got == "" || !strings.HasSuffix(want, got) || again.Stats().Unreadable+again.Stats().Torn != 0 {
		t.Errorf("restored %d of %d: %+v", again.Stats().Events, events+5, again.Stats())
	}
}

// An agent that starts while the disk is full traces all the same.
func TestFullDiskFromTheStartToTheEnd(t *testing.T) {
	for name, bounds := range map[string]string{"no room for bytes": "size=64k", "no room for files": "nr_inodes=8"} {
		t.Run(name, func(t *testing.T) {
			disk := tinyDisk(t, bounds)
			fill(t, disk)
			dir := filepath.Join(disk, "history")
			h := open(t, Options{Dir: dir, Events: 100, Retry: time.Millisecond})
			write(t, h, 0, 100)
			eventually(t, "the disk is full", func() bool { return h.Stats().DiskErrors > 0 })
			write(t, h, 100, 300)
			eventually(t, "what left memory is counted", func() bool { return h.Stats().DiskLost >= 200 })
			if s := h.Stats(); s.DiskLost != 200 || s.Events != 100 {
				t.Errorf("got %+v", s)
			}
			if err := h.Close(); !errors.Is(err, ErrNotOnDisk) || !strings.Contains(err.Error(), " 100 ") {
				t.Errorf("closing said %v", err)
			}
		})
	}
}

// fill takes all room of a small disk, and every file but those in use.
func fill(t *testing.T, disk string) {
	t.Helper()
	for n := range 100 {
		if err := os.WriteFile(filepath.Join(disk, fmt.Sprintf("ballast-%d", n)), make([]byte, 4<<10), 0o600); err != nil {
			return
		}
	}
	t.Fatal("the disk does not fill")
}

func TestADiskWithoutRoomForADirectoryRecovers(t *testing.T) {
	disk := tinyDisk(t, "nr_inodes=8")
	fill(t, disk)
	dir := filepath.Join(disk, "made", "later")
	h := open(t, Options{Dir: dir, Retry: time.Millisecond})
	write(t, h, 0, 5)
	eventually(t, "the disk is full", func() bool { return h.Stats().DiskErrors > 0 })
	for n := range 4 {
		if err := os.Remove(filepath.Join(disk, fmt.Sprintf("ballast-%d", n))); err != nil {
			t.Fatal(err)
		}
	}
	onDisk(t, h)
	closed(t, h)
	if got := ids(open(t, Options{Dir: dir}), time.Time{}); got != "0 1 2 3 4" {
		t.Errorf("got %q", got)
	}
}

const childDir = "TLSTRACE_TEST_HISTORY_DIR"

// TestMain lets this binary be the agent that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		childWrites(dir)
	}
	os.Exit(m.Run())
}

// childWrites writes until it is killed, and says which numbers were on disk.
func childWrites(dir string) {
	h, err := Open(Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		if err := h.Write(numbered(n)); err != nil {
			os.Exit(1)
		}
		if pending := h.Stats().DiskPending; pending > 1000 {
			time.Sleep(time.Millisecond)
		}
		if n%100 == 0 {
			fmt.Println(n - int(h.Stats().DiskPending))
		}
	}
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	for life := range 3 {
		before := open(t, Options{Dir: dir})
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		safe := 0
		for lines := bufio.NewScanner(out); safe < 2000 && lines.Scan(); {
			if safe, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(lines.Text())
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		h := open(t, Options{Dir: dir, Events: 100_000})
		b := h.After(before.Last(), 100_000)
		for i, e := range b.Entries {
			if e.Event.ID != fmt.Sprint(i) {
				t.Fatalf("life %d: event %s at place %d", life, e.Event.ID, i)
			}
		}
		if s := h.Stats(); len(b.Entries) < safe || s.Unreadable != 0 || s.Torn > 1 {
			t.Errorf("life %d: %d events, %d were on disk; %+v", life, len(b.Entries), safe, s)
		}
		closed(t, h)
	}
}
