package main

import (
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"strings"
)

// Provenance says where a header comes from. It holds no date, so that the same kernel gives the same header.
type Provenance struct {
	Kernel  string // release, build and machine, as uname tells them
	BTF     []byte // the kernel's BTF as read
	Command string // that makes the header again
	Reader  string // module and version of what decoded the BTF
}

// licence says why the header's licence is the kernel's own without its syscall note.
const licence = ` * Licence: the declarations are the kernel's, GPL-2.0-only. Its syscall note would cover those that come from
 * include/uapi; struct sock and others come from the kernel's internal headers.
 */
`

// Comment is the beginning of the header.
func (p Provenance) Comment() string {
	var b strings.Builder
	b.WriteString("/* SPDX-License-Identifier: GPL-2.0-only */\n/*\n")
	b.WriteString(" * Generated, do not edit: the kernel types that bpf/ uses. Those cut down to the members in use are relocated when\n")
	b.WriteString(" * a program is loaded (CO-RE), so that the kernel below is where the names come from, not the only one that works.\n *\n")
	fmt.Fprintf(&b, " * Command: %s\n", commentSafe(p.Command))
	b.WriteString(" * List:    tracer/internal/vmlinux/types.txt\n")
	fmt.Fprintf(&b, " * Kernel:  %s\n", commentSafe(p.Kernel))
	fmt.Fprintf(&b, " * BTF:     sha256 %x\n", sha256.Sum256(p.BTF))
	fmt.Fprintf(&b, " * Reader:  %s\n *\n", p.Reader)
	b.WriteString(licence)
	return b.String()
}

// commentSafe keeps a name from ending the comment or the line.
func commentSafe(s string) string {
	return strings.NewReplacer("*/", "* /", "\n", " ").Replace(s)
}

// readerVersion tells the version of the BTF decoder that this program was built with.
func readerVersion(info *debug.BuildInfo) string {
	const reader = "github.com/cilium/ebpf"
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == reader {
				return reader + " " + m.Version
			}
		}
	}
	return reader + " (unknown version)"
}
