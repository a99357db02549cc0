package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer/library"
	"github.com/tlstrace/tlstrace/tracer/library/names"
	"github.com/tlstrace/tlstrace/verdict"
)

const logsLong = `logs reads what proxies have already logged, and shows the TLS handshakes that failed by their account, as watch does: access
logs of Envoy (Istio's and Envoy's default formats, JSON with any keys that are named after Envoy's operators, others with --format), Envoy's
connection logs at level debug, and the logs of ztunnel and istiod. Lines may be wrapped by the container runtime or prefixed by
kubectl, and files compressed by gzip or zstd. It opens no connection and needs no privilege.

A log tells less than the wire: which side the proxy was on and what its library said, but no records. What it leaves open stays open.
Not every failure is logged: Istio's server side logs none at level info. Exit code 1 says that --fail-on found something.

`

// anyReason is the value of --fail-on that stands for all reasons.
const anyReason = "any"

// logsFlags are the settings of logs.
type logsFlags struct {
	view    viewFlags
	filter  session.Filter
	until   session.Moment
	follow  bool
	rotated bool
	formats []string
	metrics string
	failOn  session.Choices
	count   int
}

func newLogs(w *world) *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs [FILE|-]...",
		Short: "Show the failed handshakes that proxies have logged",
		Long:  logsLong + session.ReasonsHelp(),
		Example: "  kubectl logs -n shop deploy/web -c istio-proxy | tlstrace logs\n" +
			"  sudo tlstrace logs --follow /var/log/pods/*/istio-proxy/*.log\n" +
			"  tlstrace logs --rotated --since 24h -o json access.log\n  tlstrace logs --fail-on any access.log > /dev/null",
		RunE: func(cmd *cobra.Command, args []string) error {
			return logs(cmd.Context(), w, &f, args)
		},
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	f.view.register(cmd, "columns", "columns", "wide", "json", "yaml")
	f.filter.Register(cmd, w.now)
	f.until.Now = w.now
	f.failOn = session.Choices{Kind: "reason", Allowed: append([]string{anyReason}, session.Spelled(event.Reasons())...)}
	flags := cmd.Flags()
	flags.Var(&f.until, "until", "only events before this `time`, or before this long ago")
	flags.BoolVar(&f.follow, "follow", false, "go on with what is written to the files, also after they were rotated")
	flags.BoolVar(&f.rotated, "rotated", false, "read the older files of each FILE first: FILE.1, FILE.2.gz, FILE.20260131-150405")
	flags.StringArrayVar(&f.formats, "format", nil, "Envoy's `format` string, if a text access log has none of the defaults (repeatable)")
	flags.StringVar(&f.metrics, "metrics", "", "write what was counted for Prometheus to this `file` at the end; - is standard output")
	flags.Var(&f.failOn, "fail-on", "exit with 1 if there was a failure for one of these reasons, or any (repeatable, or with commas)")
	flags.IntVar(&f.count, "count", 0, "end after this `number` of events was shown")
	flags.Lookup("since").Usage = "only events at or after this `time`, or this long ago"
	flags.Lookup("all").Usage = "show what the log leaves undecided, too"
	session.CompleteList(cmd, "fail-on", f.failOn.Allowed)
	return cmd
}

// logs reads the inputs to their ends, or follows them until something ends it, then sums up.
func logs(ctx context.Context, w *world, f *logsFlags, args []string) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	wanted, options, err := f.build(w, args)
	if err != nil {
		return err
	}
	events, err := openLogs(ctx, w, f.inputs(args), options, f.follow)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	passed := newCensus(w, events, &wanted)
	found := &failOn{reasons: f.failOn.Values}
	sinks, err := f.sinks(w, events, passed, found)
	if err != nil {
		return err
	}
	flow := flow{
		tracer: events, verdict: verdict.JudgeLog, enrich: func(*event.Event) {}, filter: f.match(passed), sink: sinks,
	}
	if err := flow.run(ctx); err != nil {
		return err
	}
	if err := flow.sink.Close(); err != nil {
		return err
	}
	events.summary(f.summaryTo(w))
	return found.verdict()
}

// build checks the flags, and what they mean together.
func (f *logsFlags) build(w *world, args []string) (sink.Filter, proxylog.Options, error) {
	wanted, err := f.filter.Build()
	if err != nil {
		return wanted, proxylog.Options{}, err
	}
	options := proxylog.Options{Reason: func(reason int) string { return names.Reason(library.BoringSSL, reason) }}
	for _, text := range f.formats {
		format, err := proxylog.NewFormat(text)
		if err != nil {
			return wanted, options, fmt.Errorf("--format: %w", err)
		}
		options.Formats = append(options.Formats, format)
	}
	return wanted, options, f.check(w, args)
}

func (f *logsFlags) check(w *world, args []string) error {
	stdin := len(args) == 0 || slices.Contains(args, "-")
	switch {
	case f.count < 0:
		return fmt.Errorf("--count %d: must not be negative", f.count)
	case f.follow && f.rotated:
		return errors.New("--rotated reads files that are complete, --follow one that grows: give one of them")
	case f.rotated && stdin:
		return errors.New("--rotated: standard input has no older files; give a FILE")
	case !f.until.IsZero() && !f.filter.Since.IsZero() && f.until.Before(f.filter.Since.Time):
		return errors.New("--until is before --since: no event can be in between")
	case f.metrics == "-" && f.view.machine():
		return fmt.Errorf("--metrics - and --output %s both want standard output: give a file", f.view.output.Value)
	case len(args) == 0 && isTerminal(w.stdin):
		return errors.New("no log to read: give a FILE, or pipe one in (kubectl logs ... | tlstrace logs)")
	}
	return nil
}

func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// inputs are the files to read; without any it is standard input.
func (f *logsFlags) inputs(args []string) logInputs {
	if len(args) == 0 {
		args = []string{"-"}
	}
	return logInputs{paths: args, rotated: f.rotated}
}

// match counts an event, and says whether it is wanted.
func (f *logsFlags) match(passed *census) func(event.Event) bool {
	return func(e event.Event) bool {
		if !f.until.IsZero() && !e.Time.Before(f.until.Time) {
			return false
		}
		return passed.match(e)
	}
}

// sinks are the view, what --fail-on and --metrics look at, the summary at the end, and what ends it after enough events.
func (f *logsFlags) sinks(w *world, events *logSource, passed *census, found *failOn) (sink.Sink, error) {
	view := f.view.sink(w)
	summary := sink.NewSummary(f.summaryTo(w), session.ScreenOf(f.summaryTo(w), f.view.color.Value))
	summary.Totals = func() sink.Totals {
		t := passed.totals()
		t.Lost = events.lost()
		return t
	}
	summary.Matching = passed.wanted.Narrows() || !f.until.IsZero()
	sinks := sink.Multi{view, found}
	if f.metrics != "" {
		counted, err := newLogMetrics(w, f.metrics)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, counted)
	}
	if f.follow {
		if screen, ok := view.(*session.Live); ok {
			if err := screen.Header(); err != nil {
				return nil, err
			}
		}
	}
	sinks = append(sinks, summary)
	if f.count > 0 {
		sinks = append(sinks, &countdown{left: f.count})
	}
	return sinks, nil
}

// summaryTo keeps standard output pure where a program reads it.
func (f *logsFlags) summaryTo(w *world) io.Writer {
	if f.view.machine() || f.metrics == "-" {
		return w.stderr
	}
	return w.stdout
}

// failOn remembers whether there was a failure that --fail-on asks for.
type failOn struct {
	reasons []string
	found   bool
}

// Write looks at one event.
func (f *failOn) Write(e event.Event) error {
	if e.Outcome == event.Failed && (slices.Contains(f.reasons, anyReason) || slices.Contains(f.reasons, string(e.Verdict.Reason))) {
		f.found = true
	}
	return nil
}

// Close does nothing.
func (f *failOn) Close() error { return nil }

// verdict is the error that makes the exit code.
func (f *failOn) verdict() error {
	if f.found {
		return errFindings
	}
	return nil
}
