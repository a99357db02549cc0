package tracer

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// machine is what this process finds around it: what it may do, and what confines it. It is read once.
type machine struct {
	proc, sys    string // where procfs and sysfs are mounted
	cgroup       string // "" if there is none
	euid         int
	effective    uint64 // capabilities
	noNewPrivs   bool
	initialUsers bool   // in the first user namespace, where capabilities count
	initialPIDs  bool   // in the first process namespace, whose numbers the kernel tells
	seccomp      string // none, strict, filter
	appArmor     string // the profile; "" without AppArmor, "unconfined"
	selinux      string // enforcing, permissive; "" without SELinux
	memlock      error  // why the limit of locked memory could not be lifted, where that matters
}

// initialPIDNamespace is the number of the first process namespace's inode (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const initialPIDNamespace = "pid:[4026531836]"

// thisMachine looks around. It lifts the limit of locked memory, as [Open] does.
func thisMachine(cgroup string) *machine {
	m := &machine{proc: "/proc", sys: "/sys", cgroup: cgroup, euid: os.Geteuid(), memlock: rlimit.RemoveMemlock()}
	m.readStatus()
	m.readNamespaces()
	m.readModules()
	return m
}

// readStatus takes what /proc/self/status tells of the process.
func (m *machine) readStatus() {
	f, err := os.Open(filepath.Join(m.proc, "self/status"))
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	status := parseStatus(f)
	m.effective, _ = strconv.ParseUint(status["CapEff"], 16, 64)
	m.noNewPrivs = status["NoNewPrivs"] == "1"
	m.seccomp = seccompMode(status["Seccomp"])
}

// parseStatus reads the lines of /proc/PID/status (proc(5)).
func parseStatus(r io.Reader) map[string]string {
	status := map[string]string{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		status[name] = strings.TrimSpace(value)
	}
	return status
}

// seccompMode names the modes of seccomp(2). The line is missing in kernels without it.
func seccompMode(number string) string {
	switch number {
	case "1":
		return "strict"
	case "2":
		return "filter"
	}
	return "none"
}

func (m *machine) readNamespaces() {
	m.initialUsers = isInitialUsers(m.text("self/uid_map"))
	m.initialPIDs = HostProcesses(m.proc)
}

// HostProcesses says whether procfs at proc shows processes by the numbers that the kernel tells, which are those of the host. In a process namespace
// of its own a number means another process, unless the host's procfs is mounted there: that has the kernel's threads in it.
func HostProcesses(proc string) bool {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err == nil && link == initialPIDNamespace {
		return true
	}
	name, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(kthreadd), "comm"))
	return err == nil && strings.TrimSpace(string(name)) == "kthreadd"
}

// isInitialUsers: only the first user namespace maps all users to themselves, unless somebody maps one just so (user_namespaces(7)). Kernels
// without user namespaces have no such file.
func isInitialUsers(uidMap string) bool {
	fields := strings.Fields(uidMap)
	return len(fields) == 0 || len(fields) == 3 && fields[0] == "0" && fields[1] == "0" && fields[2] == "4294967295"
}

// readModules asks the security modules. AppArmor's own file tells even if another module comes first.
func (m *machine) readModules() {
	if strings.HasPrefix(m.read(filepath.Join(m.sys, "module/apparmor/parameters/enabled")), "Y") {
		m.appArmor = cmpText(m.text("self/attr/apparmor/current"), m.text("self/attr/current"))
	}
	switch m.read(filepath.Join(m.sys, "fs/selinux/enforce")) {
	case "1":
		m.selinux = "enforcing"
	case "0":
		m.selinux = "permissive"
	}
}

func (m *machine) appArmorConfines() bool {
	return m.appArmor != "" && m.appArmor != "unconfined" && !strings.HasSuffix(m.appArmor, "(complain)")
}

// text reads a small file of procfs; "" if it is not there.
func (m *machine) text(name string) string { return m.read(filepath.Join(m.proc, name)) }

func (*machine) read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(string(text), "\x00"))
}

func cmpText(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// readOnlyRoot says whether files of the root file system can be written.
func readOnlyRoot() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/", &fs) == nil && fs.Flags&unix.ST_RDONLY != 0
}

// sysctl reads a number below /proc/sys; false if the kernel has no such setting.
func (m *machine) sysctl(name string) (int, bool) {
	n, err := strconv.Atoi(m.text(filepath.Join("sys", name)))
	return n, err == nil
}

// lockedMemory is RLIMIT_MEMLOCK in words.
func lockedMemory() string {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &l); err != nil {
		return "unknown"
	}
	if l.Cur == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return fmt.Sprintf("%d KiB", l.Cur>>10)
}
