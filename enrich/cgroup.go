package enrich

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	walkEvery  = 2 * time.Second // the hierarchy is not walked more often than that
	maxCgroups = 65536           // folders that a walk looks at
)

// cgroups finds the paths of cgroups v2 by their ids. The kernel answers in one step where it lets us (CAP_DAC_READ_SEARCH, and
// kernfs file handles, Linux 5.5); elsewhere the hierarchy is walked, at most every two seconds.
type cgroups struct {
	proc  string
	now   func() time.Time
	mount func() (path string, real bool) // the hierarchy; real if it is a mount of cgroup v2
	v1    func() bool                     // see hybrid

	mu     sync.Mutex
	walked time.Time
	paths  map[uint64]string
}

func newCgroups(root, proc string, now func() time.Time) *cgroups {
	return &cgroups{
		proc:  proc,
		now:   now,
		mount: sync.OnceValues(func() (string, bool) { return cgroup2Below(root) }),
		v1:    sync.OnceValue(func() bool { return hasVersion1(filepath.Join(proc, "self/cgroup")) }),
	}
}

// path returns the path of a cgroup below the root of the hierarchy, "/" for the root itself, or [ErrNoCgroup].
func (c *cgroups) path(id uint64) (string, error) {
	path, err := c.byHandle(id)
	if err == nil || errors.Is(err, ErrNoCgroup) {
		return path, err
	}
	return c.byWalk(id)
}

// hybrid says whether there are hierarchies of version 1 beside the one of version 2.
func (c *cgroups) hybrid() bool { return c.v1() }

// byHandle opens the cgroup by its kernfs file handle, which is the id (kernel commit 33c5ac9175195c36, "kernfs: implement custom
// exportfs ops and fid type").
func (c *cgroups) byHandle(id uint64) (string, error) {
	const fileIDKernfs = 0xfe // FILEID_KERNFS, include/linux/exportfs.h
	root, real := c.mount()
	if !real {
		return "", fmt.Errorf("%s is no mount of cgroup v2", root) // other file systems have other handles
	}
	mount, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("opening the cgroup hierarchy: %w", err)
	}
	defer unix.Close(mount)
	handle := unix.NewFileHandle(fileIDKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	switch {
	case errors.Is(err, unix.ESTALE):
		return "", ErrNoCgroup
	case err != nil:
		return "", fmt.Errorf("opening a cgroup by its id: %w", err)
	}
	defer unix.Close(fd)
	path, err := os.Readlink(filepath.Join(c.proc, "self/fd", strconv.Itoa(fd)))
	if err != nil {
		return "", fmt.Errorf("the path of a cgroup: %w", err)
	}
	return below(root, path)
}

// below cuts the mount point off. Something else in its place says that another mount is meant: the walk has to decide.
func below(mount, path string) (string, error) {
	rest, ok := strings.CutPrefix(path, mount)
	if !ok || rest != "" && rest[0] != '/' {
		return "", fmt.Errorf("%s is not below %s", path, mount)
	}
	return "/" + strings.TrimPrefix(rest, "/"), nil
}

// byWalk looks the id up in the last walk, and walks again if it is not there.
func (c *cgroups) byWalk(id uint64) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, ok := c.paths[id]
	if now := c.now(); !ok && (c.paths == nil || now.Sub(c.walked) >= walkEvery) {
		root, _ := c.mount()
		c.paths, c.walked = walkCgroups(root), now
		path, ok = c.paths[id]
	}
	if !ok {
		return "", ErrNoCgroup
	}
	return path, nil
}

// walkCgroups lists the folders of a hierarchy by inode number. One that goes away meanwhile is left out.
func walkCgroups(root string) map[uint64]string {
	paths := map[uint64]string{}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case len(paths) >= maxCgroups:
			return filepath.SkipAll
		case err != nil || !d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			paths[stat.Ino] = "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		}
		return nil
	})
	return paths
}

// cgroup2Below returns the folder itself if it is a mount of cgroup v2, or else its folder "unified" if that is one, as systemd
// mounts it beside version 1. Without either, the folder is taken as it is.
func cgroup2Below(root string) (path string, real bool) {
	root = filepath.Clean(root)
	for _, path := range []string{root, filepath.Join(root, "unified")} {
		var stat unix.Statfs_t
		if unix.Statfs(path, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC {
			return path, true
		}
	}
	return root, false
}

// hasVersion1 reads /proc/self/cgroup (cgroups(7)): the hierarchy of version 2 has the number 0.
func hasVersion1(path string) bool {
	lines, err := readBounded(path, maxCgroupsBytes)
	if err != nil {
		return false
	}
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "0:") {
			return true
		}
	}
	return false
}
