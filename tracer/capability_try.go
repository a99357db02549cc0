package tracer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// tryBPF asks for type information to be loaded, and gives none: who has the capability is told that it is invalid. Nothing is accounted to a
// limit, so that a refusal is about permission alone.
func tryBPF(*machine) error {
	var attr [64]byte
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_BTF_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	return refusedBy(errno)
}

// tryPerfmon loads a program of the kind that may read kernel memory.
func tryPerfmon(m *machine) error { return m.tryProgram(ebpf.RawTracepoint, unix.CAP_PERFMON) }

// tryNetAdmin loads a program of the kind that may change sockets.
func tryNetAdmin(m *machine) error { return m.tryProgram(ebpf.SockOps, unix.CAP_NET_ADMIN) }

// tryProgram needs CAP_BPF, too. Without that the kernel cannot be asked for the other, and what the process has must do.
func (m *machine) tryProgram(kind ebpf.ProgramType, capability int) error {
	if tryBPF(m) != nil {
		if m.holds(capability) && m.initialUsers {
			return nil
		}
		return unix.EPERM
	}
	return loadProgram(kind)
}

func loadProgram(kind ebpf.ProgramType) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: kind, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	var errno syscall.Errno
	switch {
	case err == nil:
		return p.Close()
	case errors.As(err, &errno):
		return refusedBy(errno)
	}
	return nil // not a matter of permission: the hooks tell
}

// tryPerfUprobe asks for a probe in a program that it does not name: who may have one is told that this is wrong.
func (m *machine) tryPerfUprobe() error {
	kind, err := strconv.ParseUint(m.read(filepath.Join(m.sys, "bus/event_source/devices/uprobe/type")), 10, 32)
	if err != nil {
		return nil // no such probes: the hooks tell
	}
	attr := unix.PerfEventAttr{Type: uint32(kind)}
	attr.Size = uint32(unsafe.Sizeof(attr))
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	var errno syscall.Errno
	switch {
	case err == nil:
		return unix.Close(fd)
	case errors.As(err, &errno):
		return refusedBy(errno)
	}
	return nil
}

// kthreadd is the number of the kernel's first thread in the first process namespace.
const kthreadd = 2

// tryPtrace asks which program a kernel thread runs. It runs none, which only those are told who may look at every process. In a namespace
// of its own there is no kernel thread; the processes in there are asked instead.
func tryPtrace(m *machine) error {
	if !m.initialPIDs {
		if refused, _ := m.closed(); len(refused) > 0 {
			return fs.ErrPermission
		}
		return nil
	}
	thread := filepath.Join(m.proc, strconv.Itoa(kthreadd))
	if _, err := os.Stat(thread); err != nil {
		return err // hidden by hidepid (proc(5))
	}
	if _, err := os.Readlink(filepath.Join(thread, "exe")); errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// closed are the processes of which this one may not see what program they run, and the number of all that it sees.
func (m *machine) closed() (refused []int, all int) {
	pids := m.processes()
	for _, pid := range pids {
		if _, err := os.Readlink(filepath.Join(m.proc, strconv.Itoa(pid), "exe")); errors.Is(err, fs.ErrPermission) {
			refused = append(refused, pid)
		}
	}
	return refused, len(pids)
}

// processes are those that run now.
func (m *machine) processes() []int {
	entries, _ := os.ReadDir(m.proc) // without procfs there is nothing to look at
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// tryReadSearch opens a cgroup, or else the root directory, by its handle.
func tryReadSearch(m *machine) error {
	path := m.cgroup
	if path == "" {
		path = "/"
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return tryPrivateFile(err)
	}
	mount, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(mount) }()
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_CLOEXEC)
	if err == nil {
		return unix.Close(fd)
	}
	return tryPrivateFile(err)
}

// tryPrivateFile tells a refusal from a file system that knows no handles.
func tryPrivateFile(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return refusedBy(errno)
	}
	return err
}

// tryMapFiles looks at a file that this process has mapped, by the mapping.
func tryMapFiles(m *machine) error {
	dir := filepath.Join(m.proc, "self/map_files")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, entries[0].Name())); errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// refusedBy tells the errors that speak of permission from those that say that it was looked further. Seccomp profiles answer ENOSYS, too.
func refusedBy(errno syscall.Errno) error {
	switch errno {
	case unix.EPERM, unix.EACCES, unix.ENOSYS:
		return errno
	}
	return nil
}

// call is a system call that a seccomp filter may keep from the kernel.
type call string

const (
	callNone         call = ""
	callBPF          call = "bpf(2)"
	callPerfEvent    call = "perf_event_open(2)"
	callOpenByHandle call = "open_by_handle_at(2)"
)

// refused says whether a filter refuses the call, by arguments that the kernel finds wrong before it asks for any capability. A filter
// cannot see that, and answers as ever.
func (c call) refused(m *machine) bool {
	if c == callNone || m.seccomp != "filter" {
		return false
	}
	return refusedBy(c.wrong()) != nil
}

// wrong makes the call with wrong arguments, and returns the kernel's answer, or the filter's.
func (c call) wrong() syscall.Errno {
	var errno syscall.Errno
	switch c {
	case callBPF: // E2BIG: the attributes are larger than a page
		_, _, errno = unix.Syscall(unix.SYS_BPF, unix.BPF_BTF_LOAD, 0, 1<<20)
	case callPerfEvent: // EINVAL: no such flag
		_, _, errno = unix.Syscall6(unix.SYS_PERF_EVENT_OPEN, 0, 0, ^uintptr(0), ^uintptr(0), 1<<30, 0)
	case callOpenByHandle: // EFAULT or EBADF; the kernel asks for the capability first, which is the case if this is asked at all
		_, _, errno = unix.Syscall(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(0), 0, 0)
	}
	return errno
}
