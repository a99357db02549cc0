package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

// maxFound bounds what is shown of something that a process or the machine has named.
const maxFound = 200

// writeReport prints a report for people: whether tracing works and what to do come first, what was found after that.
func writeReport(out io.Writer, r tracer.Report) error {
	var b strings.Builder
	writeVerdict(&b, r)
	writeProblems(&b, r)
	writeMachine(&b, r)
	writePermissions(&b, r)
	writeSettings(&b, r)
	b.WriteString("\nhooks\n")
	for _, h := range r.Hooks {
		writeHook(&b, h)
	}
	writeLibraries(&b, r)
	_, err := io.WriteString(out, b.String())
	return err
}

func writeVerdict(b *strings.Builder, r tracer.Report) {
	fatal, lossy := 0, 0
	for _, p := range r.Problems {
		if p.Fatal {
			fatal++
		} else {
			lossy++
		}
	}
	switch {
	case fatal > 0:
		fmt.Fprintf(b, "Handshakes cannot be traced here: %s to fix first.\n", count(fatal, "problem"))
	case lossy > 0:
		fmt.Fprintf(b, "Handshakes can be traced here, with %s: %s watch\n", count(lossy, "loss"), command(r))
	default:
		fmt.Fprintf(b, "Handshakes can be traced here, nothing is lost: %s watch\n", command(r))
	}
}

// command is what the user who was asked for would type.
func command(r tracer.Report) string {
	if r.User != 0 {
		return "tlstrace" // it has shown that it can
	}
	return "sudo tlstrace"
}

func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeProblems prints what blocks tracing before what is only lost. What has the same remedy is told together.
func writeProblems(b *strings.Builder, r tracer.Report) {
	var remedies []string
	with := map[string][]tracer.Problem{}
	for _, p := range r.Problems {
		if len(with[p.Fix]) == 0 {
			remedies = append(remedies, p.Fix)
		}
		with[p.Fix] = append(with[p.Fix], p)
	}
	slices.SortStableFunc(remedies, func(x, y string) int { return cmp.Compare(urgency(with[x]), urgency(with[y])) })
	for _, fix := range remedies {
		b.WriteByte('\n')
		for _, p := range with[fix] {
			writeProblem(b, p)
		}
		if fix != "" {
			writeParagraph(b, "  do    ", sink.Escape(fix, 4*maxFound))
		}
	}
}

// urgency is 0 if one of them blocks tracing.
func urgency(problems []tracer.Problem) int {
	if slices.ContainsFunc(problems, func(p tracer.Problem) bool { return p.Fatal }) {
		return 0
	}
	return 1
}

func writeProblem(b *strings.Builder, p tracer.Problem) {
	mark := "  lost  "
	if p.Fatal {
		mark = "  FIX   "
	}
	writeParagraph(b, mark, sink.Escape(p.What, 4*maxFound))
}

// paragraphWidth is where lines are broken: what is to be done is read on any terminal.
const paragraphWidth = 100

// writeParagraph writes words behind a mark, and indents the lines that follow by its width.
func writeParagraph(b *strings.Builder, mark, text string) {
	line := mark
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > paragraphWidth:
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", len(mark)) + word
		default:
			line += " " + word
		}
	}
	b.WriteString(line + "\n")
}

func writeMachine(b *strings.Builder, r tracer.Report) {
	b.WriteString("\nmachine\n")
	line := func(name, value string) { fmt.Fprintf(b, "  %-15s %s\n", name, value) }
	line("kernel", r.Kernel+" "+r.Arch)
	line("BTF", found(r.BTF, "/sys/kernel/btf/vmlinux"))
	line("cgroup v2", found(r.Cgroup != "", sink.Escape(r.Cgroup, maxFound)))
	line("user", user(r.User))
	if r.Attached > 0 {
		line("trial", "everything was attached in "+r.Attached.Round(time.Millisecond).String()+", and detached")
	}
}

func user(id int) string {
	if id == 0 {
		return "root (it need not be: deploy/systemd)"
	}
	return fmt.Sprintf("%d", id)
}

func found(ok bool, where string) string {
	if !ok {
		return "not found"
	}
	return where
}

// writePermissions prints what the kernel answered for each capability.
func writePermissions(b *strings.Builder, r tracer.Report) {
	if len(r.Permissions) > 0 {
		b.WriteString("\npermissions, as the kernel answers\n")
	}
	for _, p := range r.Permissions {
		sign, what := "+", p.For
		if !p.Granted {
			sign, what = "-", fmt.Sprintf("%s; refused by %s", p.For, p.RefusedBy)
		}
		if p.RefusedBy == tracer.RefusedNotHeld {
			what = p.For + "; not held"
		}
		fmt.Fprintf(b, "  %s %-22s %s\n", sign, p.Capability, what)
	}
}

// writeSettings prints what could stand in the way. What does is marked.
func writeSettings(b *strings.Builder, r tracer.Report) {
	if len(r.Settings) > 0 {
		b.WriteString("\nsettings\n")
	}
	for _, s := range r.Settings {
		sign := map[tracer.Outcome]string{tracer.OutcomeFine: "+", tracer.OutcomeLoses: "-", tracer.OutcomeBlocks: "!"}[s.Outcome]
		fmt.Fprintf(b, "  %s %-26s %s: %s\n", sign, s.Name, sink.Escape(s.Value, maxFound), sink.Escape(s.Means, 2*maxFound))
	}
}
