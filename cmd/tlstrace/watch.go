package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

const watchLong = `watch shows, live, every TLS handshake that fails on this machine: between whom, at which step, who gave up, and
why. Ctrl-C ends it and sums up, worst first. With --input it replays events that were recorded with -o json.

The last 100 failures are kept for 'tlstrace explain' in $XDG_STATE_HOME/tlstrace/last.jsonl, or
/run/tlstrace/last.jsonl for root, readable by their owner only.`

// watchFlags are the settings of watch.
type watchFlags struct {
	view      viewFlags
	filter    filterFlags
	input     string
	duration  time.Duration
	count     int
	readyFile string
	tracer    tracer.Options
}

func newWatch(w *world) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show failed handshakes as they happen",
		Long:  watchLong,
		Example: "  sudo tlstrace watch\n  sudo tlstrace watch --layer certificate -o json > failures.jsonl\n" +
			"  tlstrace watch --input failures.jsonl --reason unknown_ca",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return watch(cmd.Context(), w, &f)
		},
	}
	f.view.register(cmd, "columns", "columns", "wide", "json", "yaml")
	f.filter.register(cmd, w)
	flags := cmd.Flags()
	flags.StringVar(&f.input, "input", "", "replay the recorded events of this JSON lines file; - is standard input")
	flags.DurationVar(&f.duration, "duration", 0, "end so long after everything is attached")
	flags.IntVar(&f.count, "count", 0, "end after this many events were shown")
	flags.StringVar(&f.readyFile, "ready-file", "", "write this file once everything is attached, remove it at the end")
	flags.StringVar(&f.tracer.Cgroup, "cgroup", "", "trace this cgroup v2 directory instead of the whole machine")
	flags.IntVar(&f.tracer.RingBytes, "ring-bytes", tracer.DefaultRingBytes, "size of the buffer between kernel and tlstrace")
	flags.IntVar(&f.tracer.MaxInflight, "max-inflight", tracer.DefaultMaxInflight, "handshakes that are followed at a time")
	return cmd
}

// check refuses flags that make no sense, or none together.
func (f *watchFlags) check() error {
	switch {
	case f.count < 0:
		return fmt.Errorf("--count %d: must not be negative", f.count)
	case f.duration < 0:
		return fmt.Errorf("--duration %s: must not be negative", f.duration)
	case f.tracer.RingBytes <= 0 || f.tracer.MaxInflight <= 0:
		return errors.New("--ring-bytes and --max-inflight must be positive")
	case f.input == "" && !f.filter.since.IsZero():
		return errors.New("--since looks back into a recording: give one with --input")
	case f.input != "" && f.tracer.Cgroup != "":
		return errors.New("--cgroup says what to trace, --input replays a recording: give one of them")
	}
	return nil
}

// watch opens the source and moves its events to the sinks until something ends it, then sums up.
func watch(ctx context.Context, w *world, f *watchFlags) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	wanted, err := f.filter.build()
	if err != nil {
		return err
	}
	events, err := f.open(w, &wanted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	if f.readyFile != "" {
		if err := replaceFile(f.readyFile, fmt.Appendln(nil, os.Getpid())); err != nil {
			return err
		}
		defer os.Remove(f.readyFile)
	}
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	flow := newFlow(w, events, f.input != "")
	flow.filter = wanted.Match
	flow.sink = f.sinks(w, totals(w, events))
	if f.input == "" {
		fmt.Fprintln(w.stderr, f.banner())
	}
	return errors.Join(flow.run(ctx), flow.sink.Close())
}

// open attaches the tracer, which tells only what can be wanted, or opens the recording.
func (f *watchFlags) open(w *world, wanted *sink.Filter) (source, error) {
	if f.input != "" {
		return openReplay(w, f.input)
	}
	f.tracer.Successes, f.tracer.Noise = wanted.Wants(event.Succeeded), wanted.Wants(event.Noise)
	return w.open(f.tracer)
}

// sinks are the view that was asked for, the journal, the summary at the end, and what ends it after enough events.
func (f *watchFlags) sinks(w *world, totals func() sink.Totals) sink.Sink {
	sinks := sink.Multi{f.view.sink(w)}
	if f.input == "" {
		if path, err := journalPath(); err == nil {
			sinks = append(sinks, openJournal(path, w.stderr))
		}
	}
	summary := sink.NewSummary(f.summaryTo(w), screenOf(f.summaryTo(w), f.view.color.value))
	summary.Totals = totals
	sinks = append(sinks, summary)
	if f.count > 0 {
		sinks = append(sinks, &countdown{left: f.count})
	}
	return sinks
}

// summaryTo keeps standard output pure where a program reads it.
func (f *watchFlags) summaryTo(w *world) io.Writer {
	if f.view.machine() {
		return w.stderr
	}
	return w.stdout
}

func (f *watchFlags) banner() string {
	what := "every TLS handshake on this machine"
	if f.tracer.Cgroup != "" {
		what = "the TLS handshakes of " + sink.Escape(f.tracer.Cgroup, 200)
	}
	return "tracing " + what + "; Ctrl-C ends and sums up"
}

// countdown wants a number of events, and no more.
type countdown struct{ left int }

// Write counts.
func (c *countdown) Write(event.Event) error {
	if c.left--; c.left <= 0 {
		return errEnough
	}
	return nil
}

// Close does nothing.
func (c *countdown) Close() error { return nil }

// totals asks a running tracer at the end what it could not follow, so that silence means healthy and not blind.
// A recording has nothing to tell. How many handshakes succeeded stays out: the kernel counts ends, and a connection
// within the machine has two.
func totals(w *world, events source) func() sink.Totals {
	counted, ok := events.(interface{ Stats() (tracer.Stats, error) })
	if !ok {
		return nil
	}
	begun := w.now()
	return func() sink.Totals {
		t := sink.Totals{Elapsed: w.now().Sub(begun)}
		stats, err := counted.Stats()
		if err != nil {
			fmt.Fprintf(w.stderr, "tlstrace: what was lost is not known: %v\n", err)
		}
		t.Lost = stats.Lost
		return t
	}
}
