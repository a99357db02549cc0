package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBinariesAreKeptByVersion(t *testing.T) {
	r, err := readRelease()
	must(t, err)
	if !strings.HasPrefix(r.version, "v1.") {
		t.Errorf("the version is %q", r.version)
	}
	if flags := strings.Join(buildFlags("v1.37.2"), " "); !strings.Contains(flags, "gitMajor=1 ") || !strings.HasSuffix(flags, "gitMinor=37") {
		t.Errorf("the flags are %s", flags)
	}
}

func TestBinariesThatCannotBeBuilt(t *testing.T) {
	// A module proxy that is out of reach, and a module cache that is empty.
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	cache := t.TempDir()
	_, err := Binaries(t.Context(), cache)
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want %v", err, ErrUnavailable)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("half a build is left: %v %v", left, err)
	}
}

func TestOneProcessBuilds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second builder got %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatalf("after the first builder has ended: %v", err)
	}
	again()
}

func TestServersThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "server")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\necho 'bind: address already in use'\nexit 1\n"), 0o755))
	p, err := startProcess(filepath.Join(dir, "log"), script)
	must(t, err)
	never := func(context.Context) error { return errors.New("nobody answers") }
	if err := waitReady(t.Context(), p, never); !errors.Is(err, errTaken) {
		t.Errorf("got %v, want %v", err, errTaken)
	}
}
