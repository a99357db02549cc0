// Package cgroup makes cgroups of version 2 for measurements.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Tree is the cgroups of a bench, all children of the root of cgroup v2. A socket belongs to the cgroup in which its
// process was when it was made, and an accepted one to that of its listener, so that one process can use sockets of all.
type Tree struct {
	Root string // where cgroup v2 is mounted
	home string // the cgroup that this process came from
	made []string
}

// Open finds where cgroup v2 is mounted, and where this process is in it.
func Open() (*Tree, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	root, ok := cgroup2Mount(string(mounts))
	if !ok {
		return nil, errors.New("no cgroup v2 hierarchy is mounted")
	}
	return &Tree{Root: root, home: filepath.Join(root, ownCgroup(string(own)))}, nil
}

// cgroup2Mount finds the mount point of cgroup v2 in /proc/mounts.
func cgroup2Mount(mounts string) (string, bool) {
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1], true
		}
	}
	return "", false
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

// Create makes a child of the root; a name with a slash is one of a child that was made before.
func (c *Tree) Create(name string) (string, error) {
	dir := filepath.Join(c.Root, fmt.Sprintf("tlstrace-bench-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	c.made = append(c.made, dir)
	return dir, nil
}

// Within runs f with this process in a cgroup.
func (c *Tree) Within(dir string, f func() error) error {
	if err := moveTo(dir); err != nil {
		return err
	}
	return errors.Join(f(), moveTo(c.home))
}

func moveTo(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
}

// Close goes home and removes what was made.
func (c *Tree) Close() error {
	errs := []error{moveTo(c.home)}
	for _, dir := range slices.Backward(c.made) {
		errs = append(errs, os.Remove(dir))
	}
	c.made = nil
	return errors.Join(errs...)
}
