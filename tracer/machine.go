package tracer

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockdown returns the kernel's lockdown mode: none, integrity, confidentiality, or unknown if it cannot be read.
func lockdown() string {
	text, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil {
		return "unknown"
	}
	return parseLockdown(string(text))
}

// parseLockdown reads "none [integrity] confidentiality".
func parseLockdown(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	mode, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return "unknown"
	}
	return mode
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

// cgroupOf checks the directory that a user named, or finds the root.
func cgroupOf(path string) (string, error) {
	if path == "" {
		return cgroupRoot()
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return "", fmt.Errorf("cgroup %s: %w", path, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", fmt.Errorf("%w at %s: name a directory of the cgroup v2 hierarchy", ErrNoCgroup2, path)
	}
	return filepath.Clean(path), nil
}

// release returns uname -r.
func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
