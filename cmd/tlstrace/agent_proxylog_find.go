package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// Bounds of looking for a log, in entries of a directory.
const (
	maxPodDirs  = 4096 // kubelet allows 110 pods by default
	maxLogFiles = 64   // of a container; kubelet keeps 5 rotated files
)

// Why there is no log to read.
var (
	errNoDirectory = errors.New("the directory of the pods' logs cannot be read")
	errNoPodLog    = errors.New("the proxy has no log")
	errNotRegular  = errors.New("no regular file")
)

// newestLog opens the log that a pod's proxy writes to: of a pod that was made anew under its name there may be two.
//
// No link is followed that leads out of dir, and nothing is opened that is no regular file: who may write to a node's /var/log must not
// make the agent read anything else. CRI runtimes (containerd, CRI-O) write regular files there; cri-dockerd links to Docker's, which
// are refused.
func newestLog(dir string, pod podName) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDirectory, err)
	}
	defer root.Close()
	pods, err := list(root, ".", maxPodDirs)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errNoDirectory, dir, err)
	}
	newest, why := (*os.File)(nil), errNoPodLog
	for _, name := range pods {
		uid, is := strings.CutPrefix(name, pod.namespace+"_"+pod.name+"_")
		if !is || strings.Contains(uid, "_") {
			continue
		}
		file, err := lastLog(root, path.Join(name, proxyContainer))
		if err != nil {
			why = err
			continue
		}
		newest = later(newest, file)
	}
	if newest == nil {
		return nil, why
	}
	return newest, nil
}

// lastLog opens the log of a container that was started last: N.log, where N is how often it was restarted.
func lastLog(root *os.Root, dir string) (*os.File, error) {
	files, err := list(root, dir, maxLogFiles)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoPodLog
	}
	if err != nil {
		return nil, err
	}
	last := -1
	for _, name := range files {
		if number, is := strings.CutSuffix(name, ".log"); is {
			if n, err := strconv.ParseUint(number, 10, 31); err == nil {
				last = max(last, int(n))
			}
		}
	}
	if last < 0 {
		return nil, errNoPodLog
	}
	return openRegular(root, path.Join(dir, strconv.Itoa(last)+".log"))
}

// openRegular opens a file without waiting for the other end of a pipe that has its name.
func openRegular(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", name, errNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// list names what is in a directory, so many at most.
func list(root *os.Root, dir string, most int) ([]string, error) {
	d, err := root.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.Readdirnames(most)
	if errors.Is(err, io.EOF) { // it is empty
		err = nil
	}
	return all, err
}

// later keeps the file that was written to later, and closes the other.
func later(a, b *os.File) *os.File {
	if a == nil {
		return b
	}
	was, err := a.Stat()
	is, also := b.Stat()
	if err == nil && also == nil && is.ModTime().Before(was.ModTime()) {
		a, b = b, a
	}
	a.Close() // it was not even read
	return b
}

func sameFile(a, b *os.File) bool {
	was, err := a.Stat()
	is, also := b.Stat()
	return err == nil && also == nil && os.SameFile(was, is)
}
