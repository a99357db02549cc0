package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

const doctorLong = `doctor asks the kernel what it allows, and says which hook will be used for each purpose and why, what is
missing and how to get it. It attaches nothing that stays. Exit code 3 means that nothing can be traced here.`

func newDoctor(w *world) *cobra.Command {
	output := &choice{allowed: []string{"text", "json"}, value: "text"}
	var options tracer.Options
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this kernel allows, and what is missing",
		Long:  doctorLong,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			report := w.probe(options)
			if err := printReport(w.stdout, report, output.value); err != nil {
				return err
			}
			if !report.CanTrace() {
				return errCannotTrace
			}
			return nil
		},
	}
	cmd.Flags().VarP(output, "output", "o", "how to print it")
	cmd.Flags().StringVar(&options.Cgroup, "cgroup", "", "cgroup v2 directory to trace instead of the root")
	completeSet(cmd, "output", output.allowed)
	return cmd
}

func printReport(out io.Writer, r tracer.Report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	var b strings.Builder
	writeMachine(&b, r)
	b.WriteString("\nhooks\n")
	for _, h := range r.Hooks {
		writeHook(&b, h)
	}
	writeLibraries(&b, r)
	writeProblems(&b, r)
	_, err := io.WriteString(out, b.String())
	return err
}

func writeMachine(b *strings.Builder, r tracer.Report) {
	line := func(name, value string) { fmt.Fprintf(b, "%-14s%s\n", name, value) }
	line("kernel", r.Kernel+" "+r.Arch)
	line("BTF", found(r.BTF, "/sys/kernel/btf/vmlinux"))
	line("cgroup v2", found(r.Cgroup != "", r.Cgroup))
	line("lockdown", r.Lockdown)
	if len(r.Missing) > 0 {
		line("capabilities", strings.Join(r.Missing, ", ")+" missing")
	} else {
		line("capabilities", "all that are needed")
	}
}

func found(ok bool, where string) string {
	if !ok {
		return "not found"
	}
	return where
}

// writeHook prints one purpose: the variant in use, and every variant's reason.
func writeHook(b *strings.Builder, h tracer.HookReport) {
	chosen := h.Chosen
	switch {
	case chosen == "" && h.Required:
		chosen = "nothing works, and it is required"
	case chosen == "":
		chosen = "none"
	}
	fmt.Fprintf(b, "  %-15s %s\n", h.Purpose, chosen)
	for _, v := range h.Variants {
		fmt.Fprintf(b, "    %s %-12s %s\n", mark(v, h.Chosen), v.Name, v.Why)
	}
	if h.Loss != "" {
		fmt.Fprintf(b, "    %s\n", h.Loss)
	}
}

// mark tells the variant in use (*) from those that would work (+) and those that do not (-).
func mark(v tracer.VariantReport, chosen string) string {
	switch {
	case v.Name == chosen:
		return "*"
	case v.Usable:
		return "+"
	}
	return "-"
}

// writeLibraries prints the TLS libraries in use. A path comes from a process, and may hold anything.
func writeLibraries(b *strings.Builder, r tracer.Report) {
	if len(r.Libraries) == 0 {
		return
	}
	b.WriteString("\nTLS libraries in use\n")
	for _, l := range r.Libraries {
		fmt.Fprintf(b, "  %-10s %-10s %s (%s)\n", l.Family, l.Version, sink.Escape(l.Path, 200), processes(l.Processes))
		if l.Why != "" {
			fmt.Fprintf(b, "    %s\n", l.Why)
		}
	}
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

func writeProblems(b *strings.Builder, r tracer.Report) {
	if len(r.Problems) > 0 {
		b.WriteString("\nmissing\n")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(b, "  %s\n    %s\n", p.What, p.Fix)
	}
	if r.CanTrace() {
		b.WriteString("\nHandshakes can be traced here: sudo tlstrace watch\n")
		return
	}
	b.WriteString("\nHandshakes cannot be traced here.\n")
}
