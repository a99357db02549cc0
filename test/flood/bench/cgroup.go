package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// entered is a cgroup that this process has moved to, with what it starts.
type entered struct{ dir, home string }

// enterCgroup makes a cgroup and moves there: what happens elsewhere on the machine is not traced.
func enterCgroup() (entered, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return entered{}, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return entered{}, err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			e := entered{filepath.Join(f[1], fmt.Sprintf("tlstrace-flood-bench-%d", os.Getpid())), filepath.Join(f[1], ownCgroup(string(own)))}
			return e, errors.Join(os.Mkdir(e.dir, 0o755), moveTo(e.dir))
		}
	}
	return entered{}, errors.New("no cgroup v2 hierarchy is mounted")
}

// ownCgroup finds the cgroup v2 path in /proc/self/cgroup: the line "0::PATH".
func ownCgroup(text string) string {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return "/"
}

func moveTo(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
}

// back goes where the process came from, and removes the cgroup when the last of the others is gone.
func (e entered) back() error {
	err := moveTo(e.home)
	removed := os.Remove(e.dir)
	for range 200 {
		if removed == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
		removed = os.Remove(e.dir)
	}
	return errors.Join(err, removed)
}
