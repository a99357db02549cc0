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

// hasShadowStacks says whether processes may have shadow stacks here (Linux 6.6, CONFIG_X86_USER_SHADOW_STACK). The kernel that emulates a CALL
// under a uprobe has long pushed its return address onto the stack only, and the process dies of the first RET that looks for it on the other.
func hasShadowStacks(proc string) bool {
	f, err := os.Open(filepath.Join(proc, "cpuinfo"))
	if err != nil {
		return true // it cannot be ruled out
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, flags, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "flags" {
			return slices.Contains(strings.Fields(flags), "user_shstk")
		}
	}
	return false
}
