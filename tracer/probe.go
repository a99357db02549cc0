package tracer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
)

// Probe asks the kernel what it allows: by trying what each capability is for, by loading and attaching programs that do nothing,
// and at last by attaching the real ones. Nothing stays attached.
func Probe(o Options) Report {
	cgroups, err := openHierarchy(o.Cgroup)
	defer func() { _ = cgroups.Close() }()
	m := thisMachine(cgroups.path)
	r := Report{
		Kernel: release(), Arch: runtime.GOARCH, Cgroup: cgroups.name(), Lockdown: lockdown(),
		User: m.euid, Permissions: m.permissions(),
	}
	r.addPermissions()
	if err != nil {
		r.add(true, err.Error(), "mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2, or name a directory by --cgroup")
	}
	k := newKernel()
	r.BTF = k.err == nil
	if k.err != nil {
		r.add(true, "the kernel has no type information (BTF)", "use a kernel built with CONFIG_DEBUG_INFO_BTF=y")
	}
	r.probeHooks(o, k)
	r.Settings = m.settings(&r)
	r.addSettings()
	if r.CanTrace() {
		r.try(o)
	}
	if !o.NoLibraries {
		r.Libraries = survey(context.Background(), o)
	}
	return r
}

// addPermissions makes problems of the capabilities that are refused.
func (r *Report) addPermissions() {
	for _, p := range r.Permissions {
		if p.Granted {
			continue
		}
		what := fmt.Sprintf("%s (%s) is refused by %s: %s", p.Capability, p.For, p.RefusedBy.by(), p.Loss)
		if p.RefusedBy == RefusedNotHeld {
			what = fmt.Sprintf("%s is missing (%s): %s", p.Capability, p.For, p.Loss)
		}
		r.add(p.Required, what, p.Fix)
		if p.Required {
			r.Missing = append(r.Missing, p.Capability)
		}
	}
}

// addSettings makes problems of the settings that cost something, unless a refused capability tells the same already.
func (r *Report) addSettings() {
	for _, s := range r.Settings {
		told := s.Name == "processes" && !r.granted("CAP_SYS_PTRACE") ||
			r.refuses(Refuser(s.Name)) || s.Name == "locked memory" && r.refuses(RefusedMemlock)
		if s.Outcome == OutcomeFine || told {
			continue
		}
		r.add(s.Outcome == OutcomeBlocks, fmt.Sprintf("%s is %s: %s", s.Name, s.Value, s.Means), s.Fix)
	}
}

func (r *Report) add(fatal bool, what, fix string) {
	r.Problems = append(r.Problems, Problem{What: what, Fix: fix, Fatal: fatal})
}

func (r *Report) probeHooks(o Options, k *kernel) {
	for _, h := range hooksOf(o) {
		chosen, report := h.choose(k, o.Variants[h.purpose])
		r.Hooks = append(r.Hooks, report)
		if chosen == nil && h.required && len(r.Missing) == 0 {
			r.add(true, fmt.Sprintf("no hook for %s: %s", h.purpose, report.whyNot("")), "use Linux 5.10 or later with CONFIG_CGROUP_BPF=y")
		}
	}
}

// try attaches everything for a moment: what the kernel says to the parts is no promise for the whole.
func (r *Report) try(o Options) {
	o.NoLibraries = true // finding them may take a second, and they are surveyed below
	began := time.Now()
	t, err := Open(o)
	if err == nil {
		r.Attached = time.Since(began)
		err = t.Close()
	}
	if err != nil {
		r.add(true, "attaching fails: "+err.Error(), "this is not expected: please report it, with the output of tlstrace doctor -o json")
	}
}

// readsKernel says whether programs may read kernel memory, which lockdown=confidentiality forbids.
func (r *Report) readsKernel() bool {
	return r.Lockdown != "confidentiality" && canReadKernel()
}

// canReadKernel asks the kernel, which knows also where /sys/kernel/security cannot be read.
func canReadKernel() bool {
	return !errors.Is(features.HaveProgramHelper(ebpf.RawTracepoint, asm.FnProbeReadKernel), ebpf.ErrNotSupported)
}

// granted says whether the kernel allows what a capability is for.
func (r *Report) granted(capability string) bool {
	for _, p := range r.Permissions {
		if p.Capability == capability {
			return p.Granted
		}
	}
	return false
}

// refuses says whether somebody stands between the process and a capability.
func (r *Report) refuses(by Refuser) bool {
	for _, p := range r.Permissions {
		if p.RefusedBy == by {
			return true
		}
	}
	return false
}

// worst is what a refuser costs.
func (r *Report) worst(by Refuser) (Outcome, string) {
	outcome := OutcomeLoses
	var refused []string
	for _, p := range r.Permissions {
		if p.RefusedBy != by {
			continue
		}
		refused = append(refused, p.Capability)
		if p.Required {
			outcome = OutcomeBlocks
		}
	}
	return outcome, "refuses what " + strings.Join(refused, ", ") + " is for"
}

// missingCapabilities are the names of those without which nothing is traced, by asking the kernel.
func missingCapabilities() []string {
	var missing []string
	m := thisMachine("")
	for _, c := range capabilities {
		if c.required && c.try(m) != nil {
			missing = append(missing, c.name)
		}
	}
	return missing
}
