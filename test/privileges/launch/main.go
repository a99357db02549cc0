// Command launch runs a program with fewer privileges, as container runtimes and service managers do:
//
//	launch -user 65534 -caps 39,38 -nnp -memlock 65536 -profile cri-containerd tlstrace doctor
//
// It needs nothing of the machine that it runs on, so that it works in a guest without a user land, too.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// less is what the program is left with.
type less struct {
	user    int
	caps    string
	bounds  bool
	nnp     bool
	memlock string
	profile string
}

func main() {
	var l less
	flag.IntVar(&l.user, "user", 0, "user and group `id`")
	flag.StringVar(&l.caps, "caps", "all", "capabilities by their `numbers`, all or none")
	flag.BoolVar(&l.bounds, "bounds", true, "take all other capabilities out of the bounding set, too")
	flag.BoolVar(&l.nnp, "nnp", false, "set no_new_privs")
	flag.StringVar(&l.memlock, "memlock", "", "limit of locked memory in `bytes`, or unlimited")
	flag.StringVar(&l.profile, "profile", "", "AppArmor profile of the program")
	flag.Parse()
	if err := l.run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		os.Exit(125)
	}
}

// run gives up privileges on this thread, which becomes the program.
func (l less) run(argv []string) error {
	runtime.LockOSThread()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	for _, step := range []func() error{l.limit, l.setUser, l.setCapabilities, l.confine} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Exec(path, argv, os.Environ())
}

func (l less) limit() error {
	limit := uint64(unix.RLIM_INFINITY)
	switch l.memlock {
	case "":
		return nil
	case "unlimited":
	default:
		var err error
		if limit, err = strconv.ParseUint(l.memlock, 10, 64); err != nil {
			return err
		}
	}
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: limit})
}

// kept is the set of capabilities that stay; all means no change.
func (l less) kept() (set uint64, err error) {
	switch l.caps {
	case "all":
		return 1<<63 - 1, nil
	case "none":
		return 0, nil
	}
	for number := range strings.SplitSeq(l.caps, ",") {
		n, err := strconv.ParseUint(number, 10, 6)
		if err != nil {
			return 0, err
		}
		set |= 1 << n
	}
	return set, nil
}

// setUser drops what is not kept from the bounding set as long as it may, then changes the user and keeps the rest.
func (l less) setUser() error {
	kept, err := l.kept()
	if err != nil {
		return err
	}
	for c := 0; l.bounds && l.caps != "all"; c++ {
		if in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err != nil {
			break // the kernel knows no more
		} else if in == 1 && kept&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return err
			}
		}
	}
	if l.user == 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	id := uintptr(l.user)
	for _, call := range [][]uintptr{{unix.SYS_SETGROUPS, 0, 0, 0}, {unix.SYS_SETRESGID, id, id, id}, {unix.SYS_SETRESUID, id, id, id}} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 { // of this thread alone
			return errno
		}
	}
	return nil
}

func (l less) setCapabilities() error {
	kept, err := l.kept()
	if err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	for i := range data {
		data[i].Permitted &= uint32(kept >> (32 * i))
		data[i].Effective, data[i].Inheritable = data[i].Permitted, data[i].Permitted
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return err
	}
	for c := uintptr(0); l.user != 0 && c < 63; c++ {
		if data[c/32].Permitted&(1<<(c%32)) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

func (l less) confine() error {
	if l.profile != "" {
		if err := os.WriteFile("/proc/thread-self/attr/apparmor/exec", []byte("exec "+l.profile), 0); err != nil {
			return err
		}
	}
	if l.nnp {
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	return nil
}
