package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Permission is one capability that tlstrace uses, as the kernel answers for it.
type Permission struct {
	Capability string  `json:"capability"` // CAP_BPF, ... (capabilities(7))
	For        string  `json:"for"`        // what it is used for
	Required   bool    `json:"required"`   // without it nothing is traced
	Granted    bool    `json:"granted"`    // the kernel has allowed the operation that it is for
	RefusedBy  Refuser `json:"refused_by,omitempty"`
	Loss       string  `json:"loss,omitempty"` // what is not seen, if it is not granted
	Fix        string  `json:"fix,omitempty"`  // what to do, if it is not granted
}

// Refuser is what stands between a process and a capability.
type Refuser string

// The refusers.
const (
	RefusedNotHeld       Refuser = "not held"       // the process does not have the capability
	RefusedUserNamespace Refuser = "user namespace" // it has it in a user namespace of its own, where it does not count
	RefusedSeccomp       Refuser = "seccomp"        // a filter refuses the system call
	RefusedAppArmor      Refuser = "AppArmor"       // the process is confined by a profile
	RefusedSELinux       Refuser = "SELinux"        // a policy is enforced
	RefusedMemlock       Refuser = "locked memory"  // Linux before 5.11 accounts BPF to RLIMIT_MEMLOCK
	RefusedUnknown       Refuser = "the kernel"
)

// by is the refuser as the end of a sentence: "it is refused by ...".
func (r Refuser) by() string {
	switch r {
	case RefusedUserNamespace:
		return "the user namespace"
	case RefusedMemlock:
		return "the limit of locked memory"
	}
	return string(r)
}

// capability is one of capabilities(7), with the smallest operation that the kernel lets only its holders do.
type capability struct {
	number   int
	name     string
	purpose  string
	required bool
	loss     string
	call     call // the system call that a filter may refuse
	try      func(*machine) error
}

// capabilities are all that tlstrace ever uses. CAP_SYS_RESOURCE, which Linux 5.10 may need, is a matter of [setting] "locked memory".
var capabilities = []capability{
	{
		number: unix.CAP_BPF, name: "CAP_BPF", purpose: "load programs and maps", required: true,
		loss: "nothing is traced", call: callBPF, try: tryBPF,
	},
	{
		number: unix.CAP_PERFMON, name: "CAP_PERFMON", purpose: "trace kernel functions, probe TLS libraries", required: true,
		loss: "nothing is traced", call: callBPF, try: tryPerfmon,
	},
	{
		number: unix.CAP_NET_ADMIN, name: "CAP_NET_ADMIN", purpose: "attach to the sockets of cgroups", required: true,
		loss: "nothing is traced", call: callBPF, try: tryNetAdmin,
	},
	{
		number: unix.CAP_SYS_PTRACE, name: "CAP_SYS_PTRACE", purpose: "look at processes of other users",
		loss: "those processes are not named, and what their TLS libraries say is not heard", try: tryPtrace,
	},
	{
		number: unix.CAP_DAC_READ_SEARCH, name: "CAP_DAC_READ_SEARCH", purpose: "read private libraries, open a container's cgroup by its number",
		loss: "libraries that only their owner may read are not probed; containers are found by a walk every two seconds instead of at once",
		call: callOpenByHandle, try: tryReadSearch,
	},
	{
		number: unix.CAP_CHECKPOINT_RESTORE, name: "CAP_CHECKPOINT_RESTORE", purpose: "open libraries that were replaced under a running process",
		loss: "libraries that were upgraded or deleted since their process started are not probed", try: tryMapFiles,
	},
}

// permissions asks the kernel about every capability.
func (m *machine) permissions() []Permission {
	var all []Permission
	for _, c := range capabilities {
		all = append(all, m.permission(c))
	}
	return all
}

// permission tries what the capability is for. What the kernel allows counts, not what the process seems to have.
func (m *machine) permission(c capability) Permission {
	p := Permission{Capability: c.name, For: c.purpose, Required: c.required}
	if err := c.try(m); err == nil {
		p.Granted = true
		return p
	}
	p.Loss = c.loss
	p.RefusedBy = m.whoRefuses(c)
	p.Fix = m.grant(c, p.RefusedBy)
	return p
}

// whoRefuses finds out what stood in the way, the surest first.
func (m *machine) whoRefuses(c capability) Refuser {
	switch {
	case !m.holds(c.number):
		return RefusedNotHeld
	case !m.initialUsers:
		return RefusedUserNamespace
	case c.call.refused(m):
		return RefusedSeccomp
	case m.memlock != nil && c.call == callBPF:
		return RefusedMemlock
	case m.appArmorConfines():
		return RefusedAppArmor
	case m.selinux == "enforcing":
		return RefusedSELinux
	}
	return RefusedUnknown
}

// holds says whether the process has a capability in effect. CAP_SYS_ADMIN stands for those that were split off from it.
func (m *machine) holds(capability int) bool {
	if m.effective&(1<<capability) != 0 {
		return true
	}
	switch capability {
	case unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_CHECKPOINT_RESTORE:
		return m.effective&(1<<unix.CAP_SYS_ADMIN) != 0
	}
	return false
}

// grant says what to do about a capability that is refused.
func (m *machine) grant(c capability, by Refuser) string {
	switch by {
	case RefusedNotHeld:
		return m.add(c.name)
	case RefusedUserNamespace:
		return "run it outside of user namespaces: not in a rootless container, nor in a pod with hostUsers: false"
	case RefusedSeccomp:
		return fmt.Sprintf("let the seccomp profile allow %s: containerd 1.7, Docker 23 and later do to holders of %s; or seccompProfile: {type: Unconfined}", c.call, c.name)
	case RefusedAppArmor:
		return fmt.Sprintf("take it out of the AppArmor profile %s: appArmorProfile: {type: Unconfined}, --security-opt apparmor=unconfined", m.appArmor)
	case RefusedSELinux:
		return "give it a type that may: seLinuxOptions: {type: spc_t}; ausearch -m avc shows what was refused"
	case RefusedMemlock:
		return "raise the limit of locked memory: LimitMEMLOCK=infinity, --ulimit memlock=-1, or add CAP_SYS_RESOURCE"
	}
	return "the process has it, and is refused for a reason that could not be found: dmesg and the security module's log may tell"
}

// add says how a process like this one gets a capability.
func (m *machine) add(name string) string {
	if m.euid == 0 {
		return fmt.Sprintf("this is root without %s, as in a container: add it (--cap-add, securityContext.capabilities.add)", name)
	}
	return "run it as root (sudo tlstrace ...), or by the systemd unit of deploy/systemd, which grants it to a user that is not root"
}
