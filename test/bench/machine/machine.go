// Package machine says on what machine something was measured.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Conditions says when, on what and beside what was measured. Programs on the root of the cgroups run on every packet here, too.
func Conditions(cgroupRoot string) string {
	return fmt.Sprintf("%s, %s, load %s, %s other programs on every packet",
		time.Now().UTC().Format(time.DateTime), Description(), Load(), attachedTo(cgroupRoot))
}

// Description is what stays the same from run to run: the kernel and the processors.
func Description() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	return fmt.Sprintf("Linux %s, %s, %s, %d processors", unix.ByteSliceToString(u.Release[:]), runtime.GOARCH, processor(), runtime.NumCPU())
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	return modelName(string(text))
}

// modelName reads /proc/cpuinfo, which on arm64 has no names.
func modelName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unnamed processor"
}

// Load is the load average of the last minute.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// attachedTo counts the programs on a cgroup's packets.
func attachedTo(cgroup string) string {
	dir, err := os.Open(cgroup)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = dir.Close() }()
	n := 0
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInetEgress, ebpf.AttachCGroupInetIngress} {
		r, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: at})
		if err != nil {
			return "unknown"
		}
		n += len(r.Programs)
	}
	return fmt.Sprint(n)
}
