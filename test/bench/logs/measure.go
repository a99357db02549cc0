package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// run is one run of one program over one log.
type run struct {
	took time.Duration // of processor time, its own and the kernel's for it: what else the machine does counts less
	peak int64         // resident memory, in bytes
}

// measure compares the two over one log.
func measure(ctx context.Context, out io.Writer, o options) error {
	dir, err := os.MkdirTemp("", "tlstrace-logs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "istio-proxy.log")
	if err := writeLog(log, o.size); err != nil {
		return err
	}
	ours := []string{o.binary, "logs", "-o", "json", log}
	theirs := []string{"python3", o.script, log}
	var mine, script []run
	for turn := range o.turns + 1 {
		a, errA := once(ctx, o.cpu, ours, nil)
		b, errB := once(ctx, o.cpu, theirs, nil)
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		if turn > 0 { // the first warms the page cache
			mine, script = append(mine, a), append(script, b)
		}
	}
	report(out, "tlstrace logs", mine, o.size)
	report(out, "five regexps (python3)", script, o.size)
	fmt.Fprintf(out, "ratio of the medians: %.1f\n", float64(median(script))/float64(median(mine)))
	if !o.grow {
		return nil
	}
	for _, size := range []int64{100 << 20, 1 << 30} {
		r, err := stream(ctx, o, size)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "a stream of %4d MiB: %.1f MiB resident at most\n", size>>20, float64(r.peak)/(1<<20))
	}
	return nil
}

func writeLog(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(generate(file, size, 1), file.Close())
}

// stream lets tlstrace read a log from standard input while it is made.
func stream(ctx context.Context, o options, size int64) (run, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(generate(w, size, 1)) }()
	return once(ctx, o.cpu, []string{o.binary, "logs", "-o", "json", "-"}, r)
}

// once runs one command line on one core.
func once(ctx context.Context, cpu string, command []string, in io.Reader) (run, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", cpu}, command...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stdin = in
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return run{}, fmt.Errorf("%s: %w: %s", command[0], err, said.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return run{}, errors.New("this system does not tell what a process used")
	}
	return run{took: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak: usage.Maxrss << 10}, nil
}

func median(runs []run) time.Duration {
	times := make([]time.Duration, len(runs))
	for i, r := range runs {
		times[i] = r.took
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func report(out io.Writer, name string, runs []run, size int64) {
	var peak int64
	least, most := runs[0].took, runs[0].took
	for _, r := range runs {
		peak, least, most = max(peak, r.peak), min(least, r.took), max(most, r.took)
	}
	rate := func(d time.Duration) float64 { return float64(size) / 1e6 / d.Seconds() }
	fmt.Fprintf(out, "%-24s %6.0f MB/s (median of %d; %.0f to %.0f), %.1f MiB resident at most\n",
		name, rate(median(runs)), len(runs), rate(most), rate(least), float64(peak)/(1<<20))
}
