package proxylog_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/mesh/proxylog"
)

// followed is a log and somebody who follows it.
type followed struct {
	t     *testing.T
	path  string
	lines chan string
	stop  context.CancelFunc
}

func follow(t *testing.T, path string, o proxylog.TailOptions) *followed {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	o.Poll = 10 * time.Millisecond
	tail, err := proxylog.Follow(ctx, path, o)
	if err != nil {
		t.Fatal(err)
	}
	f := &followed{t: t, path: path, lines: make(chan string), stop: stop}
	go func() {
		defer close(f.lines)
		defer tail.Close()
		in := bufio.NewReader(tail)
		for {
			line, err := in.ReadString('\n')
			if line != "" {
				f.lines <- line
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				return
			}
		}
	}()
	return f
}

func (f *followed) write(text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) want(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		if got := <-f.lines; got != want {
			f.t.Fatalf("read %q, want %q", got, want)
		}
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := follow(t, path, proxylog.TailOptions{})
	f.write("waited for\n")
	f.want("waited for\n")
	f.write("half ")
	f.write("a line\n")
	f.want("half a line\n")
	f.stop()
	if line, more := <-f.lines; more {
		t.Errorf("after the end: %q", line)
	}
}

func TestFollowSurvivesRotationByRename(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := follow(t, path, proxylog.TailOptions{})
	f.write("before\n")
	f.want("before\n")
	f.write("last\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.write("first\n")
	f.want("last\n", "first\n")
	f.stop()
}

// TestFollowEndsALineThatNobodyWillEnd keeps the last line of the old file apart from the first of the new.
func TestFollowEndsALineThatNobodyWillEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := follow(t, path, proxylog.TailOptions{})
	f.write("before\nno end")
	f.want("before\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.write("first\n")
	f.want("no end\n", "first\n")
	f.stop()
}

func TestFollowSurvivesTruncation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := follow(t, path, proxylog.TailOptions{})
	f.write("a line that is longer than the next\n")
	f.want("a line that is longer than the next\n")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	f.write("short\n")
	f.want("short\n")
	f.stop()
}

func TestFollowFromTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := follow(t, path, proxylog.TailOptions{FromEnd: true})
	f.write("new\n")
	f.want("new\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.write("all of the next\n")
	f.want("all of the next\n")
	f.stop()
}

func TestFollowRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "no", "such.log")} {
		if tail, err := proxylog.Follow(t.Context(), path, proxylog.TailOptions{}); err == nil {
			tail.Close()
			t.Errorf("%s is followed", path)
		}
	}
}
