package kernels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is this machine itself, in place of a guest: for a kernel that is not Debian's. A job has a network and a cgroup of its own, and
// runs below a directory of its own, whose usr/bin is first in its PATH.
type Host struct {
	// Output gets what the job writes, as it comes; nil discards it.
	Output io.Writer
}

// Run does a job and removes what it left. The job is killed when ctx is done. Its environment names its cgroup ($CGROUP).
func (h Host) Run(ctx context.Context, job Job) (Result, error) {
	root, err := os.MkdirTemp("", "tlstrace-host-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(root)
	for _, d := range []string{"root", "result", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return Result{}, err
		}
	}
	if err := job.layOut(root); err != nil {
		return Result{}, fmt.Errorf("lay out the job's files: %w", err)
	}
	cgroup, err := makeCgroup()
	if err != nil {
		return Result{}, err
	}
	defer cgroup.remove()
	if job.Limit == 0 {
		job.Limit = DefaultLimit
	}
	ctx, cancel := context.WithTimeout(ctx, job.Limit)
	defer cancel()
	result, err := h.work(ctx, root, cgroup)
	if err != nil {
		return result, err
	}
	result.Files, err = filesOf(filepath.Join(root, "result"))
	return result, err
}

func (h Host) work(ctx context.Context, root string, cgroup cgroup) (Result, error) {
	// A new network has its loopback down.
	cmd := exec.CommandContext(ctx, "sh", "-c", `ip link set lo up && exec sh "$0"`, filepath.Join(root, "job"))
	cmd.Dir = filepath.Join(root, "root")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(root, "usr/bin")+":"+os.Getenv("PATH"), "CGROUP="+cgroup.path,
		"RESULT="+filepath.Join(root, "result"), "TMPDIR="+filepath.Join(root, "tmp"), "HOME="+filepath.Join(root, "root"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, UseCgroupFD: true, CgroupFD: int(cgroup.dir.Fd())}
	var output bytes.Buffer
	cmd.Stdout = &output
	if h.Output != nil {
		cmd.Stdout = io.MultiWriter(&output, h.Output)
	}
	cmd.Stderr = cmd.Stdout
	began := time.Now()
	err := cmd.Run()
	result := Result{Output: output.String(), Duration: time.Since(began)}
	if state := cmd.ProcessState; state != nil {
		result.CPUTime, result.ExitCode = state.UserTime()+state.SystemTime(), state.ExitCode()
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(err, unix.EPERM):
		return result, fmt.Errorf("%w: making a network needs root: %w", ErrUnavailable, err)
	case errors.As(err, &exit):
		return result, nil
	}
	return result, err
}

// cgroup is a cgroup of a job's own.
type cgroup struct {
	path string
	dir  *os.File
}

func makeCgroup() (cgroup, error) {
	root, err := cgroup2()
	if err != nil {
		return cgroup{}, err
	}
	path, err := os.MkdirTemp(root, "tlstrace-kernels-")
	if err != nil {
		return cgroup{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return cgroup{}, errors.Join(err, os.Remove(path))
	}
	return cgroup{path, dir}, nil
}

// remove ends what a job may have left running, too.
func (c cgroup) remove() {
	_ = c.dir.Close()
	for range 100 {
		if os.Remove(c.path) == nil {
			return
		}
		for _, pid := range c.members() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c cgroup) members() []int {
	text, _ := os.ReadFile(filepath.Join(c.path, "cgroup.procs"))
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cgroup2 is where cgroup v2 is mounted: on a hybrid layout it is not /sys/fs/cgroup.
func cgroup2() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%w: cgroup v2 is not mounted", ErrUnavailable)
}

// filesOf reads the regular files of a directory, by their names.
func filesOf(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}
