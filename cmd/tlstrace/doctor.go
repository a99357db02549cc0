package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

const doctorLong = `doctor asks the kernel what it allows, and says first whether handshakes can be traced here, what is lost and what to do about it. Then come
the capabilities, each tried by what it is for; the settings of the machine and of the container that could stand in the way; and which hook is used for
each purpose and why. Everything is attached for a moment, nothing stays. It needs no privileges: without them it says which are missing. Exit code 3
means that nothing can be traced here.`

func newDoctor(w *world) *cobra.Command {
	output := &session.Choice{Allowed: []string{"text", "json"}, Value: "text"}
	var options tracer.Options
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this kernel allows, and what is missing",
		Long:  doctorLong,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			report := w.probe(options)
			if err := printReport(w.stdout, report, output.Value); err != nil {
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
	session.CompleteSet(cmd, "output", output.Allowed)
	return cmd
}

func printReport(out io.Writer, r tracer.Report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return writeReport(out, r)
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
