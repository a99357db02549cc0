package tracer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Probe asks the kernel what it allows, by loading and attaching programs that do nothing. Nothing stays attached.
func Probe(o Options) Report {
	r := Report{Kernel: release(), Arch: runtime.GOARCH, Lockdown: lockdown(), Missing: missingCapabilities()}
	_ = rlimit.RemoveMemlock() // fails where it is not needed; where it is, the hooks below say that they are refused
	if len(r.Missing) > 0 {
		r.add(true, "capabilities are missing: "+strings.Join(r.Missing, ", "), "run it as root (sudo tlstrace ...), or grant them")
	}
	cgroup, err := cgroupOf(o.Cgroup)
	if err != nil {
		r.add(true, err.Error(), "mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2, or name a directory by --cgroup")
	}
	r.Cgroup = cgroup
	k := newKernel()
	r.BTF = k.err == nil
	if k.err != nil {
		r.add(true, "the kernel has no type information (BTF)", "use a kernel built with CONFIG_DEBUG_INFO_BTF=y")
	}
	r.probeHooks(o, k)
	if !o.NoLibraries {
		r.Libraries = survey(context.Background(), o)
	}
	if r.Lockdown == "confidentiality" {
		r.add(false, "kernel lockdown is confidentiality: processes are not named, reordered segments are not followed",
			"boot with lockdown=integrity or none if you need them")
	}
	return r
}

func (r *Report) add(fatal bool, what, fix string) {
	r.Problems = append(r.Problems, Problem{What: what, Fix: fix, Fatal: fatal})
}

func (r *Report) probeHooks(o Options, k *kernel) {
	for _, h := range hooks {
		chosen, report := h.choose(k, o.Variants[h.purpose])
		r.Hooks = append(r.Hooks, report)
		if chosen == nil && h.required && len(r.Missing) == 0 {
			why := report.Variants[0].Why
			r.add(true, fmt.Sprintf("no hook for %s: %s", h.purpose, why), remedy(why))
		}
	}
}

// remedy says what to do about a hook that the kernel refuses to a process that has the capabilities for it.
func remedy(why string) string {
	if strings.Contains(why, unix.EPERM.Error()) {
		return "let this process call bpf(2): in a container its seccomp profile may forbid that (seccompProfile: Unconfined)"
	}
	return "use Linux 5.10 or later with CONFIG_CGROUP_BPF=y"
}

// needed are the capabilities that loading and attaching ask for, with what each is for.
var needed = []struct {
	number int
	name   string
}{
	{unix.CAP_BPF, "CAP_BPF"},             // load programs and maps
	{unix.CAP_PERFMON, "CAP_PERFMON"},     // tracing programs, reading kernel memory
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, // cgroup_skb and sock_ops
}

// missingCapabilities returns the names of capabilities that this process lacks. CAP_SYS_ADMIN stands for them all.
func missingCapabilities() []string {
	effective, err := effectiveCapabilities()
	if err != nil || effective&(1<<unix.CAP_SYS_ADMIN) != 0 && effective&(1<<unix.CAP_NET_ADMIN) != 0 {
		return nil
	}
	var missing []string
	for _, c := range needed {
		if effective&(1<<c.number) == 0 {
			missing = append(missing, c.name)
		}
	}
	return missing
}

func effectiveCapabilities() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(os.Getpid())}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, errors.Join(errors.New("read capabilities"), err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}
