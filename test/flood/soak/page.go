package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// report writes what was seen into the page, and returns what should not have been.
func (w *world) report() error {
	if len(w.seen) < 2 {
		return errors.New("the run was too short to be compared with itself")
	}
	text := w.section()
	fmt.Print(text)
	err := w.verdict()
	if w.o.page == "" {
		return err
	}
	return errors.Join(err, writeSection(w.o.page, w.mark(), text))
}

// mark names the part of the page that a run writes.
func (w *world) mark() string {
	if w.o.mixed {
		return "make endurance"
	}
	return "make soak"
}

// writeSection replaces what stands between the marks of a command.
func writeSection(path, command, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin, end := "<!-- written by: "+command+" -->\n", "<!-- end of "+command+" -->\n"
	before, rest, found := strings.Cut(string(page), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no place for %s", path, command)
	}
	return os.WriteFile(path, []byte(before+begin+text+end+after), 0o644)
}

// before is the first look after the agent has warmed up, or the first.
func (w *world) before() snapshot { return w.seen[w.warm()] }

// warm is the place of that look in all.
func (w *world) warm() int {
	warm := warmUp
	if w.o.mixed {
		warm = min(warmUpMixed, w.o.duration/2)
	}
	return max(0, slices.IndexFunc(w.seen, func(s snapshot) bool { return s.after >= warm }))
}

// memory is what the agent had of its own in the first and in the last quarter of the looks from warming up to the end of the load: the
// medians, in bytes. A single look says little, since a heap grows until it is collected.
func memory(seen []snapshot) (early, late float64) {
	var all sample.Sample
	for _, s := range seen {
		all = append(all, float64(s.private))
	}
	quarter := (len(all) + 3) / 4
	return all[:quarter].Median(), all[len(all)-quarter:].Median()
}

func (w *world) section() string {
	var b strings.Builder
	first, last := w.before(), w.seen[len(w.seen)-1]
	load := last.after - settling
	fmt.Fprintf(&b, "\n%s: %d handshakes in %s (%.0f a second).\n\n", conditions(), last.made+last.failed, load.Round(time.Second),
		float64(last.made+last.failed)/load.Seconds())
	w.writeLoad(&b)
	fmt.Fprintf(&b, "\n| the agent | after %s | highest | after the load |\n|---|---|---|---|\n", first.after.Round(time.Second))
	for _, r := range w.rows() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.name, r.show(r.of(first)), r.show(w.highest(r)), r.show(r.of(last)))
	}
	early, late := memory(w.seen[w.warm():])
	fmt.Fprintf(&b, "\nMemory of its own, the median of a quarter of the time from %s on: %.1f MB in the first, %.1f MB in the last.\n",
		first.after.Round(time.Second), early/1e6, late/1e6)
	fmt.Fprintf(&b, "\nProcessor time of the agent: %.1f s, which is %.0f µs a handshake, its start included.\n\n", last.cpu.Seconds(),
		last.cpu.Seconds()/float64(last.made+last.failed)*1e6)
	return b.String()
}

// writeLoad lists what was made.
func (w *world) writeLoad(b *strings.Builder) {
	b.WriteString("| load | handshakes |\n|---|---|\n")
	for _, l := range w.lanes {
		name := l.name
		if l.fails {
			name += " (fails)"
		}
		fmt.Fprintf(b, "| %s | %d |\n", name, l.count.Load())
	}
	if w.churn != nil {
		fmt.Fprintf(b, "\n%d cgroups were made and removed, %d times libraries were replaced while a process used them.\n",
			w.churn.cgroups.Load(), w.churn.upgrades.Load())
	}
}

// row is one figure of the page.
type row struct {
	name string
	of   func(snapshot) float64
	unit float64 // 0 for counts
}

func (r row) show(v float64) string {
	if r.unit == 0 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f MB", v/r.unit)
}

func (w *world) highest(r row) float64 {
	top := 0.0
	for _, s := range w.seen {
		top = max(top, r.of(s))
	}
	return top
}

func (w *world) rows() []row {
	rows := []row{
		{"handshakes made that succeed", func(s snapshot) float64 { return float64(s.made) }, 0},
		{"handshakes that the kernel side counts as succeeded", func(s snapshot) float64 { return s.figures["tlstrace_connections_total{succeeded}"] }, 0},
		{"failures made", func(s snapshot) float64 { return float64(s.failed) }, 0},
		{"failures told", func(s snapshot) float64 { return s.figures["tlstrace_events_total{failed}"] }, 0},
		{"events lost", func(s snapshot) float64 { return s.figures.lost() }, 0},
		{"memory (VmRSS)", func(s snapshot) float64 { return float64(s.resident) }, 1e6},
		{"memory of its own (RssAnon)", func(s snapshot) float64 { return float64(s.private) }, 1e6},
		{"goroutines", func(s snapshot) float64 { return s.figures["go_goroutines"] }, 0},
		{"file descriptors", func(s snapshot) float64 { return float64(s.descriptors) }, 0},
	}
	for _, kind := range []string{"links", "programs", "maps"} {
		rows = append(rows, row{"BPF " + kind, func(s snapshot) float64 { return float64(s.objects[kind]) }, 0})
	}
	names := map[string]bool{}
	for _, s := range w.seen {
		for name := range s.entries {
			names[name] = true
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), cmp.Compare[string]) {
		rows = append(rows, row{"entries of " + name, func(s snapshot) float64 { return float64(s.entries[name]) }, 0})
	}
	return rows
}

// slack is what the medians of memory may differ by, in bytes: a garbage collector's mood.
const slack = 3e6

// verdict tells what is wrong with what was seen.
func (w *world) verdict() error {
	var errs []error
	first, last := w.before(), w.seen[len(w.seen)-1]
	if told := w.agent.told.Load(); told != last.failed {
		errs = append(errs, fmt.Errorf("%d failures were told, %d were made; the first is %s", told, last.failed, w.agent.firstFailure()))
	}
	if counted := last.figures["tlstrace_connections_total{succeeded}"]; counted < float64(last.made) {
		errs = append(errs, fmt.Errorf("%.0f successes were counted, %d were made", counted, last.made))
	}
	if lost := last.figures.lost(); lost != 0 {
		errs = append(errs, fmt.Errorf("%.0f events were lost", lost))
	}
	if early, late := memory(w.seen[w.warm():]); late > early+slack {
		errs = append(errs, fmt.Errorf("memory grew from %.0f to %.0f bytes", early, late))
	}
	if last.descriptors > first.descriptors {
		errs = append(errs, fmt.Errorf("descriptors grew from %d to %d", first.descriptors, last.descriptors))
	}
	for kind, n := range last.objects {
		if n > first.objects[kind] {
			errs = append(errs, fmt.Errorf("BPF %s grew from %d to %d", kind, first.objects[kind], n))
		}
	}
	return errors.Join(errs...)
}

// conditions says when and on what this ran.
func conditions() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	return fmt.Sprintf("%s UTC, Linux %s, %s, %d processors, load %s at the end", time.Now().UTC().Format(time.DateTime),
		unix.ByteSliceToString(u.Release[:]), runtime.GOARCH, runtime.NumCPU(), load)
}
