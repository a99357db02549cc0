package kernels

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/tracer"
)

// pagePath is the page that users read.
const pagePath = "../../docs/kernels.md"

const pageHead = `# What works on which kernel

<!-- Written by "make update-kernels", which runs everything named here on each kernel. -->

tlstrace asks the kernel what it can do and takes the best of it; it never goes by the version. This page is what came of it: each column
or row is a kernel on which the tracer's own tests and a slice of the scenarios were run. The kernels of Debian run in virtual machines, with
the OpenSSL of their time; the last is the machine that this was built on, a kernel without kprobes that is locked down. What
another machine allows, ` + "`tlstrace doctor`" + ` tells: the losses below are its words.

`

// page writes docs/kernels.md from what was found.
func page(all []Finding) string {
	var b strings.Builder
	b.WriteString(pageHead)
	writeKernels(&b, all)
	writeHooks(&b, all)
	writeLosses(&b, all)
	writeSkipped(&b, all)
	writeBare(&b, all)
	writeEmulated(&b, all)
	return b.String()
}

func writeKernels(b *strings.Builder, all []Finding) {
	b.WriteString("| kernel | | from | connections told right | programs | verifier, all | verifier, largest |\n|---|---|---|---|---|---|---|\n")
	for _, f := range all {
		from := "this machine"
		if f.Suite != "" {
			from = "Debian " + f.Suite
		}
		v := f.Verified
		fmt.Fprintf(b, "| %s | %s | %s | %d of %d | %d | %s | %s |\n", f.Kernel, f.Arch, from, f.Scenarios, f.Scenarios,
			v.Programs, instructions(v.Instructions, ""), instructions(v.Most, v.Largest))
	}
	b.WriteString("\n\"Verifier\" is the number of instructions that the kernel's verifier went through; it gives a program up after 1,000,000.\n" +
		"Kernels before 5.16 do not tell. A connection that is told otherwise than it went fails the run, and no row is written.\n")
}

func instructions(n uint64, program string) string {
	if n == 0 {
		return "–"
	}
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if program == "" {
		return digits
	}
	return fmt.Sprintf("%s (`%s`)", digits, program)
}

func writeHooks(b *strings.Builder, all []Finding) {
	b.WriteString("\n## Hooks\n\nThe variant in use is bold; the others would work, too, and are tried by force. A dash: nothing serves the purpose.\n\n| purpose |")
	for _, f := range all {
		fmt.Fprintf(b, " %s |", f.short())
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(all)) + "\n")
	for _, p := range tracer.Purposes {
		fmt.Fprintf(b, "| `%s` |", p)
		for _, f := range all {
			fmt.Fprintf(b, " %s |", variants(f.hook(p)))
		}
		b.WriteString("\n")
	}
}

func variants(h tracer.HookReport) string {
	var names []string
	for _, v := range h.Variants {
		switch {
		case v.Name == h.Chosen:
			names = append(names, "**"+v.Name+"**")
		case v.Usable:
			names = append(names, v.Name)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "–")
}

func (f Finding) hook(p tracer.Purpose) tracer.HookReport {
	for _, h := range f.Hooks {
		if h.Purpose == p {
			return h
		}
	}
	return tracer.HookReport{}
}

// short is the version without what the distribution adds: "6.1.0", "6.1.0 arm64".
func (f Finding) short() string {
	version, _, _ := strings.Cut(f.Kernel, "-")
	version, _, _ = strings.Cut(version, "+")
	if f.Arch != "amd64" {
		version += " " + f.Arch
	}
	return version
}

func writeLosses(b *strings.Builder, all []Finding) {
	b.WriteString("\n## What is lost\n\n| kernel | purpose | loss | why |\n|---|---|---|---|\n")
	for _, f := range all {
		for _, h := range f.Hooks {
			if h.Loss != "" {
				fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", f.short(), h.Purpose, h.Loss, lack(h))
			}
		}
		for _, p := range f.Problems {
			fmt.Fprintf(b, "| %s | | %s | %s |\n", f.short(), p.What, p.Fix)
		}
		if len(f.Problems) == 0 && !slices.ContainsFunc(f.Hooks, func(h tracer.HookReport) bool { return h.Loss != "" }) {
			fmt.Fprintf(b, "| %s | | nothing | |\n", f.short())
		}
	}
	b.WriteString("\nVariants that a kernel refuses, although another one serves the purpose:\n\n")
	for _, f := range all {
		for _, h := range f.Hooks {
			if why := reasons(h); h.Chosen != "" && why != "" {
				fmt.Fprintf(b, "- %s, `%s`: %s\n", f.short(), h.Purpose, why)
			}
		}
	}
}

// lack is why nothing serves a purpose. What is lost by the variant in use is lost by itself, whatever became of the others.
func lack(h tracer.HookReport) string {
	if h.Chosen != "" {
		return ""
	}
	return reasons(h)
}

// reasons are why variants cannot be used.
func reasons(h tracer.HookReport) string {
	var all []string
	for _, v := range h.Variants {
		if !v.Usable {
			all = append(all, v.Name+": "+v.Why)
		}
	}
	return strings.Join(all, "; ")
}

func writeSkipped(b *strings.Builder, all []Finding) {
	b.WriteString("\n## Tests that a kernel cannot run\n\n")
	none := true
	for _, f := range all {
		for _, test := range slices.Sorted(maps.Keys(f.Skipped)) {
			none = false
			fmt.Fprintf(b, "- %s: `%s`: %s\n", f.short(), test, f.Skipped[test])
		}
	}
	if none {
		b.WriteString("None.\n")
	}
}

func writeBare(b *strings.Builder, all []Finding) {
	b.WriteString("\n## Without a mount of cgroup v2\n\nSome hosts mount cgroup v1 only. The same programs there:\n\n")
	for _, f := range all {
		told := "handshakes are traced"
		if !f.Bare.Traced {
			told = "handshakes are not traced"
		}
		fmt.Fprintf(b, "- %s: %s", f.short(), told)
		for _, p := range f.Bare.Problems {
			fmt.Fprintf(b, "; %s: %s", p.What, p.Fix)
		}
		b.WriteString("\n")
	}
}

func writeEmulated(b *strings.Builder, all []Finding) {
	b.WriteString("\n## How far this goes\n\n- The kernels of Debian are emulated, and so are their processors: what is said of time elsewhere does not hold for them.\n")
	if slices.ContainsFunc(all, func(f Finding) bool { return f.Arch == "arm64" }) {
		b.WriteString("- arm64 was run in the same way as the others, by hand and not on every change: real programs on an emulated processor, " +
			"with pages of 4 KB. It has not been run on an arm64 machine, nor with larger pages.\n")
	} else {
		b.WriteString("- For arm64, the programs are compiled; no kernel has loaded them.\n")
	}
	b.WriteString("- The libraries that are asked in a virtual machine are its OpenSSL and Go's crypto/tls. [All of them](libraries.md) are asked on " +
		"the machine that this was built on.\n")
	b.WriteString("- Every change is tried on 5.10 and 6.1. This page is checked there: if a kernel behaves otherwise than it says, the change is refused.\n")
}
