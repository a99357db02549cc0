package enrich

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const podPath = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice1 + ".slice/cri-containerd-" + idA + ".scope"

// realCgroup makes folders in the machine's own cgroup v2 hierarchy, below one that is removed with the test. The root of the
// test's hierarchy is returned: with a path of its own, as a bind mount of the host's would have.
func realCgroup(t *testing.T, path string) (mount, made string) {
	t.Helper()
	mount, real := cgroup2Below("/sys/fs/cgroup")
	if !real || os.Getuid() != 0 {
		unavailable(t, "needs root and cgroup v2")
	}
	top := fmt.Sprintf("tlstrace-test-%d", os.Getpid())
	made = filepath.Join(mount, top, path)
	if err := os.MkdirAll(made, 0o755); err != nil {
		unavailable(t, err.Error())
	}
	t.Cleanup(func() {
		for dir := made; strings.Contains(dir, top); dir = filepath.Dir(dir) {
			_ = os.Remove(dir) // another test's may still be in it
		}
	})
	return mount, made
}

// unavailable skips the test, or fails it in CI, where it has to run.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// kernelID is the id as the kernel hands it out: the file handle of the folder.
func kernelID(t *testing.T, dir string) uint64 {
	t.Helper()
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	return binary.NativeEndian.Uint64(handle.Bytes())
}

// member starts a process in a cgroup.
func member(t *testing.T, dir string) int {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestRealCgroup(t *testing.T) {
	mount, dir := realCgroup(t, podPath)
	id, pid := kernelID(t, dir), member(t, dir)
	want := Container{ID: idA, Runtime: "containerd", PodUID: uid1}
	noProc := t.TempDir() // without it the path behind a handle cannot be read
	tests := []struct {
		name string
		find func() (Container, error)
	}{
		{"by handle", NewContainers(mount, "/proc", time.Now).ofCgroup(id)},
		{"by walk", NewContainers(mount, noProc, time.Now).ofCgroup(id)},
		{"named by where version 1 is mounted", NewContainers("/sys/fs/cgroup", "/proc", time.Now).ofCgroup(id)},
		{"by process", func() (Container, error) { return NewContainers(mount, "/proc", time.Now).OfPID(pid) }},
		{"by both, without an id", func() (Container, error) {
			return NewContainers(mount, "/proc", time.Now).Of(0, pid, time.Now())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.find(); got != want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func (c *Containers) ofCgroup(id uint64) func() (Container, error) {
	return func() (Container, error) { return c.OfCgroup(id) }
}

func TestRealCgroupThatIsGone(t *testing.T) {
	mount, dir := realCgroup(t, "docker/"+idB)
	id := kernelID(t, dir)
	seen, late := NewContainers(mount, "/proc", time.Now), NewContainers(mount, "/proc", time.Now)
	lateWalk := NewContainers(mount, t.TempDir(), time.Now)
	want := Container{ID: idB, Runtime: "docker"}
	if got, err := seen.OfCgroup(id); got != want {
		t.Fatalf("while it is there: %+v, %v", got, err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := seen.OfCgroup(id); got != want {
		t.Errorf("it was seen, and is gone now: %+v, %v", got, err)
	}
	for name, c := range map[string]*Containers{"handle": late, "walk": lateWalk} {
		if got, err := c.OfCgroup(id); !errors.Is(err, ErrNoCgroup) {
			t.Errorf("%s: it was gone before: %+v, %v", name, got, err)
		}
	}
}

func TestRealCgroupOfNoContainer(t *testing.T) {
	mount, dir := realCgroup(t, "system.slice/nginx.service")
	for name, proc := range map[string]string{"handle": "/proc", "walk": t.TempDir()} {
		if got, err := NewContainers(mount, proc, time.Now).OfCgroup(kernelID(t, dir)); !errors.Is(err, ErrNoContainer) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if got, err := NewContainers(mount, proc, time.Now).OfCgroup(kernelID(t, mount)); !errors.Is(err, ErrNoContainer) {
			t.Errorf("%s: the root: got %+v, %v", name, got, err)
		}
	}
}

func TestOfPIDOnVersion1(t *testing.T) {
	p := newFakeProc(t)
	p.process(30, "app", "/app", 100)
	p.write("30/cgroup", "12:cpuset:/\n4:memory:/kubepods/burstable/pod"+uid1+"/"+idA+"\n1:name=systemd:/\n0::/\n")
	p.process(31, "sshd", "/sshd", 100)
	p.write("31/cgroup", "4:memory:/system.slice/ssh.service\ngarbage\n0::/system.slice/ssh.service\n")
	c := NewContainers(t.TempDir(), p.root, func() time.Time { return p.now })
	want := Container{ID: idA, PodUID: uid1}
	if got, err := c.OfPID(30); got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := c.OfPID(31); !errors.Is(err, ErrNoContainer) {
		t.Errorf("a service: got %+v, %v", got, err)
	}
	if got, err := c.OfPID(32); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nobody: got %+v, %v", got, err)
	}
	if got, err := c.Of(0, 30, p.now); got != want {
		t.Errorf("the process of now: got %+v, %v", got, err)
	}
	if got, err := c.Of(0, 30, p.now.Add(-950*time.Second)); !errors.Is(err, ErrReused) {
		t.Errorf("a process of that number long ago: got %+v, %v", got, err)
	}
}

// TestOfAsksTheProcessOnHybridHosts: with version 1 beside it, the cgroup v2 of a container may be its daemon's.
func TestOfAsksTheProcessOnHybridHosts(t *testing.T) {
	tests := []struct {
		name, self string
		want       Container
	}{
		{"version 2 alone", "0::/\n", Container{}},
		{"version 1 beside it", "4:memory:/\n0::/\n", Container{ID: idA, Runtime: "docker"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newFakeProc(t)
			p.write("self/cgroup", tt.self)
			p.process(30, "app", "/app", 100)
			p.write("30/cgroup", "4:memory:/docker/"+idA+"\n0::/system.slice/docker.service\n")
			root := t.TempDir()
			c := NewContainers(root, p.root, func() time.Time { return p.now })
			if got, err := c.Of(inode(t, root), 30, p.now); got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// TestWalkIsBounded uses an ordinary folder, for which the kernel has no handles: it has to be walked.
func TestWalkIsBounded(t *testing.T) {
	root, now := t.TempDir(), time.Unix(1_800_000_000, 0)
	c := NewContainers(root, t.TempDir(), func() time.Time { return now })
	if _, err := c.OfCgroup(1); !errors.Is(err, ErrNoCgroup) {
		t.Fatalf("got %v", err)
	}
	dir := filepath.Join(root, "docker", idA)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	now = now.Add(walkEvery / 2)
	if _, err := c.OfCgroup(inode(t, dir)); !errors.Is(err, ErrNoCgroup) {
		t.Errorf("it walked twice in %s: %v", walkEvery, err)
	}
	now = now.Add(goneFor + time.Second)
	if got, err := c.OfCgroup(inode(t, dir)); got.ID != idA {
		t.Errorf("later: got %+v, %v", got, err)
	}
}

func TestContainersAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := NewContainers(t.TempDir(), t.TempDir(), func() time.Time { return now })
	for id := range uint64(2*maxContainers + 10) {
		now = now.Add(time.Millisecond)
		_, _ = c.OfCgroup(id + 1<<40)
	}
	if got := len(c.known); got > maxContainers {
		t.Errorf("%d cgroups are remembered, want at most %d", got, maxContainers)
	}
}

func BenchmarkOfCgroup(b *testing.B) {
	root := b.TempDir()
	b.Run("known", func(b *testing.B) {
		c := NewContainers(root, "/proc", time.Now)
		_, _ = c.OfCgroup(1)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.OfCgroup(1)
		}
	})
	b.Run("by handle", func(b *testing.B) {
		c := newCgroups("/sys/fs/cgroup", "/proc", time.Now)
		var stat unix.Stat_t
		if path, real := c.mount(); !real || unix.Stat(path, &stat) != nil {
			b.Skip("needs cgroup v2")
		}
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.byHandle(stat.Ino)
		}
	})
}
