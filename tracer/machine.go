package tracer

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// lockdown returns the kernel's lockdown mode: none, integrity, confidentiality, or unknown if it cannot be read.
func lockdown() string {
	text, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil {
		return "unknown"
	}
	return parseLockdown(string(text))
}

// parseLockdown reads "none [integrity] confidentiality".
func parseLockdown(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	mode, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return "unknown"
	}
	return mode
}

// release returns uname -r.
func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// hasShadowStacks says whether processes may have shadow stacks here: on x86 since Linux 6.6 (CONFIG_X86_USER_SHADOW_STACK), on arm64,
// where they are called guarded control stacks, since 6.13 (CONFIG_ARM64_GCS). The kernel that emulates a call under a uprobe has long
// left its return address on the common stack only, and the process dies of the first return that looks for it on the other.
func hasShadowStacks(proc string) bool {
	f, err := os.Open(filepath.Join(proc, "cpuinfo"))
	if err != nil {
		return true // it cannot be ruled out
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, flags, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "flags": // x86
			return slices.Contains(strings.Fields(flags), "user_shstk")
		case "Features": // arm64
			return slices.Contains(strings.Fields(flags), "gcs")
		}
	}
	return false
}
