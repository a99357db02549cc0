package tracer

import (
	"fmt"
	"strconv"
	"strings"
)

// Outcome is what a setting of the machine or of the process does to tracing.
type Outcome string

// The outcomes.
const (
	OutcomeFine   Outcome = "fine"   // nothing is lost
	OutcomeLoses  Outcome = "loses"  // handshakes are traced, and something is not seen
	OutcomeBlocks Outcome = "blocks" // nothing is traced
)

// Setting is what the machine or the container has set that could stand in the way, and what comes of it.
type Setting struct {
	Name    string  `json:"name"`
	Value   string  `json:"value"` // as it was found
	Outcome Outcome `json:"outcome"`
	Means   string  `json:"means"` // why nothing is lost, or what is
	Fix     string  `json:"fix,omitempty"`
}

// question asks for one setting. Some depend on what the kernel has answered already.
type question func(*machine, *Report) Setting

// questions are in the order in which they narrow what follows.
var questions = []question{
	askLockdown, askUserNamespace, askPIDNamespace, askProcesses, askSeccomp, askAppArmor, askSELinux, askNoNewPrivs,
	askUnprivilegedBPF, askPerfParanoid, askUprobes, askPtraceScope, askLockedMemory, askRoot,
}

// settings answers all questions. Permissions and hooks have to be known.
func (m *machine) settings(r *Report) []Setting {
	var all []Setting
	for _, ask := range questions {
		all = append(all, ask(m, r))
	}
	return all
}

func askLockdown(_ *machine, r *Report) Setting {
	s := Setting{Name: "lockdown", Value: r.Lockdown, Outcome: OutcomeFine}
	switch {
	case !r.readsKernel():
		s.Outcome = OutcomeLoses
		s.Means = "programs may not read kernel memory: processes have no names, TLS libraries are not heard, resets are told by the wire alone, " +
			"segments out of order are not followed"
		s.Fix = "boot with lockdown=integrity, or without it"
	case r.Lockdown == "integrity":
		s.Means = "keeps the kernel from being changed, which tracing does not do"
	case r.Lockdown == "unknown":
		s.Means = "/sys/kernel/security cannot be read here; the kernel lets programs read its memory, so it is not confidentiality"
	default:
		s.Means = "the kernel is not locked down"
	}
	return s
}

func askUserNamespace(m *machine, _ *Report) Setting {
	if m.initialUsers {
		return Setting{Name: "user namespace", Value: "the host's", Outcome: OutcomeFine, Means: "capabilities count"}
	}
	return Setting{
		Name: "user namespace", Value: "its own", Outcome: OutcomeBlocks,
		Means: "capabilities count in this user namespace only, and not for BPF",
		Fix:   "run it outside of user namespaces: not in a rootless container, nor in a pod with hostUsers: false",
	}
}

func askPIDNamespace(m *machine, _ *Report) Setting {
	if m.initialPIDs {
		return Setting{Name: "PID namespace", Value: "the host's", Outcome: OutcomeFine, Means: "processes are found by the numbers that the kernel tells"}
	}
	return Setting{
		Name: "PID namespace", Value: "its own", Outcome: OutcomeLoses,
		Means: "the kernel tells the host's numbers of processes, which mean others in here: programs are not named, what their TLS libraries say is not heard",
		Fix:   "hostPID: true, --pid=host",
	}
}

func askProcesses(m *machine, r *Report) Setting {
	refused, all := m.closed()
	s := Setting{Name: "processes", Value: fmt.Sprintf("%d seen", all), Outcome: OutcomeFine, Means: "all can be looked at"}
	if len(refused) == 0 {
		return s
	}
	s.Value = fmt.Sprintf("%d seen, %d of them closed", all, len(refused))
	if r.granted("CAP_SYS_PTRACE") {
		s.Means = "something stronger than CAP_SYS_PTRACE keeps the programs and libraries of " + m.names(refused) + " from view"
		return s
	}
	s.Outcome, s.Means = OutcomeLoses, "their programs are not named, and what their TLS libraries say is not heard"
	s.Fix = "grant CAP_SYS_PTRACE"
	return s
}

// names lists a few processes. What they are called may be anything.
func (m *machine) names(pids []int) string {
	const most = 3
	var names []string
	for _, pid := range pids[:min(len(pids), most)] {
		names = append(names, fmt.Sprintf("%q (%d)", m.text(strconv.Itoa(pid)+"/comm"), pid))
	}
	if len(pids) > most {
		names = append(names, fmt.Sprintf("%d more", len(pids)-most))
	}
	return strings.Join(names, ", ")
}

// askSeccomp finds out which calls a filter refuses. perf_event_open(2) is only needed where the kernel has no better way.
func askSeccomp(m *machine, r *Report) Setting {
	s := Setting{Name: "seccomp", Value: m.seccomp, Outcome: OutcomeFine, Means: "no filter"}
	if m.seccomp != "filter" {
		return s
	}
	var refused []string
	for _, c := range []call{callBPF, callPerfEvent, callOpenByHandle} {
		if m.mayJudge(c) && c.refused(m) {
			refused = append(refused, string(c))
		}
	}
	s.Means = "the filter lets everything through that is needed"
	if len(refused) == 0 {
		return s
	}
	s.Value = "filter, refuses " + strings.Join(refused, ", ")
	s.Fix = "allow them in the profile, or seccompProfile: {type: Unconfined}, --security-opt seccomp=unconfined"
	switch {
	case refused[0] == string(callBPF):
		s.Outcome, s.Means = OutcomeBlocks, "programs cannot be loaded"
	case refused[0] == string(callPerfEvent) && !hasMulti():
		s.Outcome, s.Means = OutcomeLoses, "TLS libraries cannot be probed"
	case refused[len(refused)-1] == string(callOpenByHandle):
		s.Outcome, s.Means = OutcomeLoses, "containers are found by a walk every two seconds instead of at once"
	default:
		s.Means, s.Fix = "this kernel has another way to probe libraries", ""
	}
	return s
}

// mayJudge says whether the answer to a call with wrong arguments is the filter's: the kernel asks for this capability first.
func (m *machine) mayJudge(c call) bool {
	for _, known := range capabilities {
		if known.call == c && !m.holds(known.number) {
			return false
		}
	}
	return true
}

func askAppArmor(m *machine, r *Report) Setting {
	s := Setting{Name: "AppArmor", Value: m.appArmor, Outcome: OutcomeFine, Means: "no profile confines it"}
	switch {
	case m.appArmor == "":
		s.Value, s.Means = "absent", "the kernel has no AppArmor, or it is off"
	case r.refuses(RefusedAppArmor):
		s.Outcome, s.Means = r.worst(RefusedAppArmor)
		s.Fix = "appArmorProfile: {type: Unconfined}, --security-opt apparmor=unconfined, or a profile that allows capability, ptrace (read) and file (read)"
	case m.appArmorConfines():
		s.Means = "the profile allows what is needed"
	}
	return s
}

func askSELinux(m *machine, r *Report) Setting {
	s := Setting{Name: "SELinux", Value: m.selinux, Outcome: OutcomeFine, Means: "does not enforce its policy"}
	switch {
	case m.selinux == "":
		s.Value, s.Means = "absent", "the kernel has no SELinux, or it is off"
	case r.refuses(RefusedSELinux):
		s.Outcome, s.Means = r.worst(RefusedSELinux)
		s.Fix = "seLinuxOptions: {type: spc_t}"
	case m.selinux == "enforcing":
		s.Means = "the policy allows what is needed"
	}
	return s
}

func askNoNewPrivs(m *machine, _ *Report) Setting {
	return Setting{
		Name: "no_new_privs", Value: strconv.FormatBool(m.noNewPrivs), Outcome: OutcomeFine,
		Means: "makes no difference: tlstrace starts no program to gain anything",
	}
}

func askUnprivilegedBPF(m *machine, _ *Report) Setting {
	return m.sysctlAbove("unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled", "CAP_BPF")
}

func askPerfParanoid(m *machine, _ *Report) Setting {
	return m.sysctlAbove("perf_event_paranoid", "kernel/perf_event_paranoid", "CAP_PERFMON")
}

// askUprobes: where one link cannot hold all probes of a library (uprobe_multi, Linux 6.6), each is a perf event. Some of these kernels let only
// CAP_SYS_ADMIN have one (Debian's 6.1 of today does), others CAP_PERFMON, too (Debian's 5.10, if perf_event_paranoid is not 3).
func askUprobes(m *machine, r *Report) Setting {
	s := Setting{Name: "uprobes", Value: "uprobe_multi", Outcome: OutcomeFine, Means: "CAP_BPF and CAP_PERFMON will do for probes of TLS libraries"}
	switch {
	case !r.granted("CAP_BPF") || !r.granted("CAP_PERFMON"):
		s.Value, s.Means = "unknown", "not asked: that needs CAP_BPF and CAP_PERFMON"
	case hasMulti():
	case m.tryPerfUprobe() == nil:
		s.Value, s.Means = "perf events", "this process may use them for probes of TLS libraries"
	default:
		s.Value, s.Outcome = "perf events, refused", OutcomeLoses
		s.Means = "this kernel lets only CAP_SYS_ADMIN put probes into TLS libraries: what they say is not heard"
		s.Fix = "Linux 6.6 or later, or add CAP_SYS_ADMIN"
	}
	return s
}

func askPtraceScope(m *machine, _ *Report) Setting {
	s := m.sysctlAbove("ptrace_scope", "kernel/yama/ptrace_scope", "")
	s.Means = "restricts attaching to processes, which tlstrace does not do"
	return s
}

// sysctlAbove is a setting for those without a capability that tlstrace has anyway.
func (m *machine) sysctlAbove(name, path, capability string) Setting {
	s := Setting{Name: name, Value: "absent", Outcome: OutcomeFine, Means: "does not concern holders of " + capability}
	if n, ok := m.sysctl(path); ok {
		s.Value = strconv.Itoa(n)
	}
	return s
}

// askLockedMemory: BPF maps count as memory of the cgroup since Linux 5.11 (commit 3ac1f01b43b6), and as locked memory before.
func askLockedMemory(m *machine, r *Report) Setting {
	s := Setting{Name: "locked memory", Value: lockedMemory(), Outcome: OutcomeFine, Means: "this kernel accounts BPF to the memory of the cgroup, not to this limit"}
	switch {
	case !r.granted("CAP_BPF"):
		s.Means = "not asked: that needs CAP_BPF"
	case m.memlock != nil:
		s.Outcome, s.Means = OutcomeBlocks, "this kernel accounts BPF maps to this limit, and it could not be lifted"
		s.Fix = "LimitMEMLOCK=infinity, --ulimit memlock=-1, or add CAP_SYS_RESOURCE"
	case s.Value == "unlimited":
		s.Means = "no limit"
	}
	return s
}

func askRoot(*machine, *Report) Setting {
	s := Setting{Name: "root directory", Value: "writable", Outcome: OutcomeFine, Means: "tracing writes no file"}
	if readOnlyRoot() {
		s.Value = "read only"
	}
	return s
}
