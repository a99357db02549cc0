package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Texts of the page around its tables.
var (
	//go:embed page_head.md
	pageHead string
	//go:embed page_tail.md
	pageTail string
)

// save replaces the page.
func (r *results) save(path string) error {
	var page bytes.Buffer
	if err := r.write(&page); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o644)
}

// write writes the page.
func (r *results) write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(pageHead)
	fmt.Fprintf(&b, "\nMeasured on %s; %s. %d comparisons of each agent and half as many of the others, with loads of %s on %d connections.\n",
		r.machine, r.versions, r.options.pairs, r.options.window, connections)
	b.WriteString("\n## What must hold\n\n| goal | figure | |\n|---|---|---|\n")
	for _, g := range r.goals() {
		b.WriteString(g.row())
	}
	r.prices(&b)
	for _, m := range r.measured {
		r.section(&b, m)
	}
	r.commands(&b)
	b.WriteString("\n" + strings.ReplaceAll(pageTail, "STATS_COST", significant(r.costs.stats.Median())+" ns"))
	_, err := io.WriteString(w, b.String())
	return err
}

// prices are what single things cost.
func (r *results) prices(b *strings.Builder) {
	b.WriteString("\n## What one of each costs\n\n| | median | quartiles |\n|---|---|---|\n")
	for _, p := range []struct {
		what string
		of   interface {
			Median() float64
			Quartiles() (float64, float64)
		}
	}{
		{"a program on a packet that does nothing: its dispatch", r.costs.dispatch},
		{"a probe in a library that does nothing: one hit, on a call (`verify_call`)", r.costs.call},
		{"the same on any other instruction, which the kernel has to step through", r.costs.hit},
		{"what `kernel.bpf_stats_enabled` adds to a run", r.costs.stats},
	} {
		lower, upper := p.of.Quartiles()
		fmt.Fprintf(b, "| %s | %s ns | %s to %s ns |\n", p.what, significant(p.of.Median()), significant(lower), significant(upper))
	}
}

// section is a profile: what was compared, and what was counted.
func (r *results) section(b *strings.Builder, m measured) {
	var cpu, throughput, p99 float64
	if len(m.compared) > 0 {
		without := m.compared[0].without
		cpu, throughput, p99 = without.cpu.Median(), without.throughput.Median(), without.p99.Median()
	}
	fmt.Fprintf(b, "\n## %s\n\n%s. Alone, the proxy spends %s µs a request at %.0f requests a second; 99 %% are answered within %s ms.\n\n",
		m.profile.name, upperFirst(m.profile.what), significant(cpu/1000), throughput, significant(p99/1e6))
	b.WriteString("| watched by | proxy's CPU a request | throughput | p99 | its own CPU |\n|---|---|---|---|---|\n")
	for _, c := range m.compared {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", c.subject.title(), newChange(c.with.cpu, c.without.cpu),
			newChange(c.with.throughput, c.without.throughput), newChange(c.with.p99, c.without.p99), percent(c.tool.Median()))
	}
	if len(m.counted) == 0 {
		return
	}
	b.WriteString("\nCounted, for a request:\n\n| agent | packets of the proxy | runs on packets | hits in libraries | runs on sockets | counted cost for the proxy |\n|---|---|---|---|---|---|\n")
	for _, c := range m.counted {
		share := c.share(r.costs)
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s: %s |\n", c.subject.title(), significant(c.packets), significant(c.runs(onPacket)),
			significant(c.runs(inLibrary)), significant(c.runs(onSocket)), share, percent(share.total()/cpu))
	}
	programTable(b, m.counted)
}

// fewRuns are not worth a line: they come from the beginnings of connections that are kept.
const fewRuns = 0.05

// programTable is what ran, program by program.
func programTable(b *strings.Builder, all []counted) {
	var rows strings.Builder
	for _, c := range all {
		for _, name := range slices.Sorted(maps.Keys(c.programs)) {
			if p := c.programs[name]; p.runs >= fewRuns {
				fmt.Fprintf(&rows, "| %s | `%s` | %s | %s |\n", c.subject.title(), name, significant(p.runs), significant(p.ns-c.emptyNS))
			}
		}
	}
	if rows.Len() > 0 {
		b.WriteString("\n| agent | program | runs a request | ns a run beyond an empty program |\n|---|---|---|---|\n" + rows.String())
	}
}

// commands says what each row was.
func (r *results) commands(b *strings.Builder) {
	b.WriteString("\n## What was run\n\n| | command |\n|---|---|\n")
	seen := map[string]bool{}
	for _, m := range r.measured {
		for _, c := range m.compared {
			if !seen[c.subject.name] {
				seen[c.subject.name] = true
				fmt.Fprintf(b, "| %s | %s |\n", c.subject.title(), strings.ReplaceAll(c.subject.what, "|", `\|`))
			}
		}
	}
}

// title is how a subject is called in tables.
func (s subject) title() string {
	if s.isAgent {
		return "agent, `" + s.capture + "`"
	}
	return s.name
}

func upperFirst(s string) string {
	if strings.HasPrefix(s, "nginx") || s == "" { // a name
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
