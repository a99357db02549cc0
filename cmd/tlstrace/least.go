package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// humble is a source that can do with less than it needed to begin.
type humble interface {
	GiveUp(also ...int) ([]string, error)
}

// giveUp drops the privileges that a running tracer does not need, and returns those that it does. directories are those in which
// this process goes on to write.
func giveUp(events source, directories ...string) ([]string, error) {
	h, ok := events.(humble)
	if !ok {
		return nil, nil
	}
	kept, err := h.GiveUp(forFiles(directories)...)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.New("this is a build with cgo, which cannot give up privileges: build with CGO_ENABLED=0")
	}
	return kept, err
}

// forFiles are the capabilities for writing to directories of other users, which only root has by nature.
func forFiles(directories []string) []int {
	for _, dir := range directories {
		if dir != "" && !ownsDirectory(dir) {
			return []int{unix.CAP_DAC_OVERRIDE}
		}
	}
	return nil
}

// ownsDirectory looks at a directory, or at the one in which it will be made.
func ownsDirectory(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil {
			st, ok := info.Sys().(*syscall.Stat_t)
			return ok && int(st.Uid) == os.Geteuid()
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}
