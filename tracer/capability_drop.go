package tracer

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// GiveUp gives up for good, on all threads, what this process may do and a running tracer does not need: all other capabilities (from the
// ambient, inheritable, effective and permitted sets, and from the bounding set where that is allowed), and any that a program could gain which
// it starts (no_new_privs). A capability of also stays if it is there. It returns the names of those that tracing goes on to use.
//
// In a build with cgo it returns [errors.ErrUnsupported]: Go cannot speak for threads that C has made.
func (t *Tracer) GiveUp(also ...int) ([]string, error) {
	kept, names := t.later()
	for _, c := range also {
		kept |= 1 << c
	}
	if err := keepOnly(kept); err != nil {
		return nil, fmt.Errorf("give up capabilities: %w", err)
	}
	return names, nil
}

// later are the capabilities that attaching to libraries and containers will use, which come and go as long as tracing goes on.
func (t *Tracer) later() (set uint64, names []string) {
	for _, c := range capabilities {
		if t.needsLater(c.number) {
			set |= 1 << c.number
			names = append(names, c.name)
		}
	}
	if t.probesLibraries() && !hasMulti() {
		set |= 1 << unix.CAP_SYS_ADMIN // see [askUprobes]
		names = append(names, "CAP_SYS_ADMIN")
	}
	return set, names
}

// needsLater: everything is loaded, so that CAP_BPF is only needed where bpf(2) itself asks for it (before Linux 5.19, commit c8644cd0efe7), and where
// libraries are probed one place at a time, by ways of which the kernel is asked when the first is found. Both are older than uprobe_multi.
func (t *Tracer) needsLater(capability int) bool {
	switch capability {
	case unix.CAP_BPF:
		return !hasMulti()
	case unix.CAP_PERFMON, unix.CAP_CHECKPOINT_RESTORE:
		return t.probesLibraries()
	case unix.CAP_NET_ADMIN: // cgroups come and go
		return t.capture == CaptureAdaptive
	}
	return true
}

// probesLibraries: the programs for libraries are loaded together, or not at all.
func (t *Tracer) probesLibraries() bool {
	return t.loaded.collection.Programs[uprobePrograms()[0]] != nil
}

// keepOnly reduces all sets of all threads to these capabilities.
func keepOnly(kept uint64) error {
	if err := everyThread(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return err
	}
	if err := dropBounds(kept); err != nil {
		return err
	}
	if err := everyThread(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // process 0 is the thread that calls
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	for i := range data {
		half := uint32(kept >> (32 * i))
		data[i].Effective &= half
		data[i].Permitted &= half
		data[i].Inheritable = 0
	}
	return everyThread(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data)))
}

// dropBounds takes capabilities out of the bounding set, which only holders of CAP_SETPCAP may. The others cannot regain any: they have
// set no_new_privs.
func dropBounds(kept uint64) error {
	for c := range uintptr(64) {
		in, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, c, 0)
		if errno != 0 {
			return nil // the kernel knows no more
		}
		if in == 0 || kept&(1<<c) != 0 {
			continue
		}
		err := everyThread(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c)
		if errors.Is(err, unix.EPERM) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// everyThread makes a system call on all threads: Linux keeps credentials for each (capabilities(7)), and Go runs goroutines on any.
func everyThread(number uintptr, arguments ...uintptr) error {
	var a [5]uintptr
	copy(a[:], arguments)
	_, _, errno := syscall.AllThreadsSyscall6(number, a[0], a[1], a[2], a[3], a[4], 0)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errors.ErrUnsupported
	}
	return errno
}
