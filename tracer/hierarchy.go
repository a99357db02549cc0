package tracer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// rootCgroup is the inode, and so the id, of the root of the cgroup v2 hierarchy (kernfs_create_root).
const rootCgroup = 1

// hierarchy is the directory of cgroup v2 that is traced.
type hierarchy struct {
	path  string
	mount *os.File // a mount that nobody else sees; nil if the hierarchy is mounted where it can be found
}

// openHierarchy checks the directory that a user named, or finds the root. Where it is mounted nowhere, as on hosts that know cgroup v1
// only, it is mounted for this process alone: all sockets are in it all the same.
func openHierarchy(named string) (hierarchy, error) {
	if named != "" {
		path, err := checkCgroup2(named)
		return hierarchy{path: path}, err
	}
	path, err := cgroupRoot()
	if !errors.Is(err, ErrNoCgroup2) {
		return hierarchy{path: path}, err
	}
	mount, mountErr := mountCgroup2()
	if mountErr != nil {
		return hierarchy{}, fmt.Errorf("%w, and tlstrace may not do it: %w", err, mountErr)
	}
	return hierarchy{path: fmt.Sprintf("/proc/self/fd/%d", mount.Fd()), mount: mount}, nil
}

// Close lets go of a private mount. What was opened below it stays open.
func (h hierarchy) Close() error {
	if h.mount == nil {
		return nil
	}
	return h.mount.Close()
}

// name is the path to show.
func (h hierarchy) name() string {
	if h.mount != nil {
		return "mounted nowhere: a private mount is used"
	}
	return h.path
}

// mountCgroup2 mounts the hierarchy without a place in any file system (Linux 5.2, CAP_SYS_ADMIN). In a cgroup namespace it would show a
// part only, which is refused: what is outside would go unseen without a word.
func mountCgroup2() (*os.File, error) {
	fs, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen: %w", err)
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("fsconfig: %w", err)
	}
	const attributes = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return nil, fmt.Errorf("fsmount: %w", err)
	}
	mount := os.NewFile(uintptr(fd), "cgroup2")
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, errors.Join(fmt.Errorf("stat: %w", err), mount.Close())
	}
	if s.Ino != rootCgroup {
		return nil, errors.Join(errors.New("in this cgroup namespace it shows a part of the machine only"), mount.Close())
	}
	return mount, nil
}

// cgroupRoot returns where the cgroup v2 hierarchy is mounted.
func cgroupRoot() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoCgroup2, err)
	}
	defer func() { _ = f.Close() }()
	return findCgroup2(f)
}

// findCgroup2 reads mountinfo (proc(5)). Of several mounts it takes the one that shows the hierarchy's root.
func findCgroup2(mountinfo io.Reader) (string, error) {
	lines := bufio.NewScanner(mountinfo)
	found := ""
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		if fields[3] == "/" {
			return fields[4], nil
		}
		found = fields[4]
	}
	if found == "" {
		return "", ErrNoCgroup2
	}
	return found, lines.Err()
}

// checkCgroup2 checks that a path is a directory of the hierarchy.
func checkCgroup2(path string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return "", fmt.Errorf("cgroup %s: %w", path, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", fmt.Errorf("%w at %s: name a directory of the cgroup v2 hierarchy", ErrNoCgroup2, path)
	}
	return filepath.Clean(path), nil
}
