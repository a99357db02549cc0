package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
)

const watchLong = `watch shows, live, every TLS handshake that fails on this machine: between whom, at which step, who gave up, and
why. Ctrl-C ends it and sums up, worst first. With --input it replays events that were recorded with -o json. With --agent it
shows what an agent tells, and with --since what that has kept: without --agent and --input, the agent on this machine.

The last 100 failures are kept for 'tlstrace explain' in $XDG_STATE_HOME/tlstrace/last.jsonl, or
/run/tlstrace/last.jsonl for root, readable by their owner only.

`

// The bounds of what a user may ask of the kernel: from one page to what a node can spare.
const (
	minRingBytes      = 4 << 10
	maxRingBytes      = 1 << 30
	maxMaxInflight    = 1 << 20
	maxAlikePerSecond = 1_000_000
)

// watchFlags are the settings of watch.
type watchFlags struct {
	view      viewFlags
	filter    session.Filter
	remote    remoteFlags
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
		Long:  watchLong + session.ReasonsHelp(),
		Example: "  sudo tlstrace watch\n  sudo tlstrace watch --layer certificate -o json > failures.jsonl\n" +
			"  tlstrace watch --since 10m\n  tlstrace watch --input failures.jsonl --reason unknown_ca",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return watch(cmd.Context(), w, &f)
		},
	}
	f.view.register(cmd, "columns", "columns", "wide", "json", "yaml")
	f.filter.Register(cmd, w.now)
	f.remote.register(cmd)
	f.tracer.GetError = true // a session, not an agent
	flags := cmd.Flags()
	flags.StringVar(&f.input, "input", "", "replay the recorded events of this JSON lines `file`; - is standard input")
	flags.DurationVar(&f.duration, "duration", 0, "end this long after everything is attached, as in 90s or 10m")
	flags.IntVar(&f.count, "count", 0, "end after this `number` of events was shown")
	flags.StringVar(&f.readyFile, "ready-file", "", "write this `file` once everything is attached, remove it at the end")
	flags.StringVar(&f.tracer.Cgroup, "cgroup", "", "trace this cgroup v2 `directory` instead of the whole machine")
	flags.IntVar(&f.tracer.RingBytes, "ring-bytes", tracer.DefaultRingBytes, "size of the buffer between kernel and tlstrace, in `bytes`")
	flags.BoolVar(&f.tracer.NoLibraries, "no-libraries", false, "leave TLS libraries alone: no reason but what the wire tells")
	flags.IntVar(&f.tracer.MaxInflight, "max-inflight", tracer.DefaultMaxInflight, "`number` of handshakes that are followed at a time")
	flags.IntVar(&f.tracer.AlikePerSecond, "alike-per-second", tracer.DefaultAlikePerSecond, alikeUsage)
	return cmd
}

// alikeUsage explains a setting of every command that traces.
const alikeUsage = "tell at most this `number` of failures a second that are alike; the others are counted in the next (repeated)"

// check refuses flags that make no sense, or none together.
func (f *watchFlags) check() error {
	switch {
	case f.count < 0:
		return fmt.Errorf("--count %d: must not be negative", f.count)
	case f.duration < 0:
		return fmt.Errorf("--duration %s: must not be negative", f.duration)
	case f.input != "" && f.remote.agent != "":
		return errTwoSources
	case f.input != "" && f.tracer.Cgroup != "":
		return errors.New("--cgroup says what to trace, --input replays a recording: give one of them")
	case f.remote.agent != "" && f.tracer.Cgroup != "":
		return errors.New("--cgroup says what to trace, --agent shows what an agent traces: give one of them")
	}
	return checkTracer(f.tracer)
}

// checkTracer refuses what no node can spare.
func checkTracer(o tracer.Options) error {
	switch {
	case o.RingBytes < minRingBytes || o.RingBytes > maxRingBytes:
		return fmt.Errorf("--ring-bytes %d: must be from %d to %d", o.RingBytes, minRingBytes, maxRingBytes)
	case o.MaxInflight < 1 || o.MaxInflight > maxMaxInflight:
		return fmt.Errorf("--max-inflight %d: must be from 1 to %d", o.MaxInflight, maxMaxInflight)
	case o.AlikePerSecond < 1 || o.AlikePerSecond > maxAlikePerSecond:
		return fmt.Errorf("--alike-per-second %d: must be from 1 to %d", o.AlikePerSecond, maxAlikePerSecond)
	}
	return nil
}

// watch opens the source and moves its events to the sinks until something ends it, then sums up.
func watch(ctx context.Context, w *world, f *watchFlags) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	wanted, err := f.filter.Build()
	if err != nil {
		return err
	}
	events, err := f.open(ctx, w, &wanted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	if _, err := giveUp(events, f.writesTo()...); err != nil {
		fmt.Fprintf(w.stderr, "tlstrace: keeps the privileges that it began with: %s\n", err)
	}
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
	passed := newCensus(w, events, &wanted)
	flow := newFlow(w, events, !f.traces())
	flow.filter = passed.match
	view := f.view.sink(w)
	flow.sink = f.sinks(w, view, passed)
	if err := f.begin(w, view); err != nil {
		return err
	}
	err = flow.run(ctx)
	if err != nil && f.input != "" {
		return err // a summary of what could not be read would mislead
	}
	return errors.Join(err, flow.sink.Close())
}

// writesTo are the directories of the files that are written while it runs.
func (f *watchFlags) writesTo() []string {
	var all []string
	if path, err := journalPath(); err == nil {
		all = append(all, filepath.Dir(path))
	}
	if f.readyFile != "" {
		all = append(all, filepath.Dir(f.readyFile))
	}
	return all
}

// traces says that the events are those of this machine's kernel, and not a recording or an agent's.
func (f *watchFlags) traces() bool { return f.input == "" && f.remote.agent == "" }

// open attaches the tracer, which tells only what can be wanted, or opens the recording, or asks an agent.
func (f *watchFlags) open(ctx context.Context, w *world, wanted *sink.Filter) (source, error) {
	switch {
	case f.input != "":
		return openReplay(w, f.input)
	case f.remote.agent != "" || !f.filter.Since.IsZero():
		wanted.Since = time.Time{} // that is the agent's to judge, by its own clock
		return f.ask(ctx, w)
	}
	f.tracer.Successes, f.tracer.Noise = wanted.Wants(event.Succeeded), wanted.Wants(event.Noise)
	t, err := w.open(f.tracer)
	if errors.Is(err, tracer.ErrNoCgroup2) && f.tracer.Cgroup != "" {
		return nil, fmt.Errorf("--cgroup %s: not a directory of a cgroup v2 hierarchy; tlstrace doctor shows where that is mounted",
			sink.Escape(f.tracer.Cgroup, 200))
	}
	return t, err
}

// ask connects to the agent that was named, or for --since to the one that may run here.
func (f *watchFlags) ask(ctx context.Context, w *world) (source, error) {
	named := f.remote.agent != ""
	if !named {
		f.remote.agent = w.agent
		fmt.Fprintf(w.stderr, "--since looks back: asking the agent at %s\n", w.agent)
	}
	events, err := f.remote.open(ctx, w, f.filter.Query(), false)
	if err != nil && !named {
		return nil, noAgent(w.agent, err)
	}
	return events, err
}

// sinks are the view that was asked for, the journal, the summary at the end, and what ends it after enough events.
func (f *watchFlags) sinks(w *world, view sink.Sink, passed *census) sink.Sink {
	sinks := sink.Multi{view}
	if f.traces() {
		if path, err := journalPath(); err == nil {
			sinks = append(sinks, openJournal(path, w.stderr))
		}
	}
	summary := sink.NewSummary(f.summaryTo(w), session.ScreenOf(f.summaryTo(w), f.view.color.Value))
	summary.Totals, summary.Matching = passed.totals, passed.wanted.Narrows()
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

// begin shows that something runs before anything fails.
func (f *watchFlags) begin(w *world, view sink.Sink) error {
	if f.input == "" {
		fmt.Fprintln(w.stderr, f.banner())
	}
	if screen, ok := view.(*session.Live); ok {
		return screen.Header()
	}
	return nil
}

func (f *watchFlags) banner() string {
	if f.remote.agent != "" {
		return "following the agent at " + shown(f.remote.agent) + "; Ctrl-C sums up"
	}
	what := "every TLS handshake on this machine"
	if f.tracer.Cgroup != "" {
		what = "the TLS handshakes of " + sink.Escape(f.tracer.Cgroup, 200)
	}
	return "tracing " + what + "; Ctrl-C sums up"
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
