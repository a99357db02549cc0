package tracer

import (
	"os"
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
