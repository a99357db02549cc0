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

	"github.com/tlstrace/tlstrace/cmd/kubectl-tlstrace/fleet"
	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
)

const watchLong = `watch shows, live, every TLS handshake that fails in the cluster: between whom, at which step, who gave up, and why.
Ctrl-C ends it and sums up. What two nodes tell of one connection becomes one event, seen from both ends.

Where no agent runs, --ad-hoc NODE starts one on that node for as long as watch runs: a privileged pod, which is removed at the
end, and ended by the kubelet after --ad-hoc-deadline if nobody could remove it. --dry-run shows the pod.

`

// watchFlags are the settings of watch.
type watchFlags struct {
	cluster  clusterFlags
	adHoc    adHocFlags
	output   session.Choice
	color    session.Choice
	duration time.Duration
	count    int
}

func newWatch(w *world) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show failed handshakes of the cluster as they happen",
		Long:  watchLong + session.ReasonsHelp(),
		Example: "  kubectl tlstrace watch -A\n  kubectl tlstrace watch --since 10m --to-workload payments -o wide\n" +
			"  kubectl tlstrace watch -A -l app=checkout -o json --count 1\n  kubectl tlstrace watch -A --ad-hoc node-1",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if f.adHoc.node != "" {
				return f.adHoc.watch(ctx, w, &f)
			}
			events, err := f.cluster.open(ctx, w, false)
			if err != nil {
				return err
			}
			return f.watch(ctx, w, events)
		},
	}
	f.cluster.register(cmd, w)
	f.adHoc.register(cmd)
	f.output = session.Choice{Allowed: []string{"columns", "wide", "json", "yaml"}, Value: "columns"}
	registerView(cmd, &f.output, &f.color)
	cmd.Flags().DurationVar(&f.duration, "duration", 0, "end after this long, as in 90s or 10m")
	cmd.Flags().IntVar(&f.count, "count", 0, "end after this `number` of events was shown")
	return cmd
}

// registerView adds the flags that say how it is shown.
func registerView(cmd *cobra.Command, output, color *session.Choice) {
	*color = session.Choice{Allowed: session.ColorModes, Value: "auto"}
	cmd.Flags().VarP(output, "output", "o", "how to show it")
	cmd.Flags().Var(color, "color", "colours; auto is on a terminal unless NO_COLOR is set")
	session.CompleteSet(cmd, "output", output.Allowed)
	session.CompleteSet(cmd, "color", session.ColorModes)
}

// check refuses flags that make no sense, or none together.
func (f *watchFlags) check(cmd *cobra.Command) error {
	switch {
	case f.count < 0:
		return fmt.Errorf("--count %d: must not be negative", f.count)
	case f.duration < 0:
		return fmt.Errorf("--duration %s: must not be negative", f.duration)
	}
	if err := f.adHoc.check(cmd); err != nil {
		return err
	}
	return f.cluster.check(cmd)
}

// watch moves events to the screen until something ends it, then sums up.
func (f *watchFlags) watch(ctx context.Context, w *world, events *source) (err error) {
	defer func() { err = errors.Join(err, events.Close()) }()
	events.Settle(ctx, settleTime)
	w.tell.tell(fmt.Sprintf("following %s in %s; Ctrl-C sums up", events.View(), f.cluster.scope()))
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	shown, err := f.sinks(w)
	if err != nil {
		return err
	}
	err = f.move(ctx, events, shown)
	w.account(events.Fleet)
	return errors.Join(err, shown.Close())
}

// sinks are the view that was asked for and the summary at the end.
func (f *watchFlags) sinks(w *world) (sink.Sink, error) {
	out := w.stdout
	var view sink.Sink
	switch f.output.Value {
	case "json":
		view, out = sink.NewJSON(w.stdout), w.stderr
	case "yaml":
		view, out = sink.NewYAML(w.stdout), w.stderr
	default:
		live := session.NewLive(w.stdout, f.output.Value == "wide", func() sink.Screen { return session.ScreenOf(w.stdout, f.color.Value) })
		if err := live.Header(); err != nil {
			return nil, err
		}
		view = live
	}
	summary := sink.NewSummary(out, session.ScreenOf(out, f.color.Value))
	wanted, err := f.cluster.filter.Build()
	summary.Matching = wanted.Narrows() || f.cluster.labels != ""
	return sink.Multi{view, summary}, err
}

// move shows events until enough have been, or nothing more is to come.
func (f *watchFlags) move(ctx context.Context, events *source, shown sink.Sink) error {
	for n := 1; ; n++ {
		e, err := events.Read(ctx)
		if err != nil {
			return unlessOver(err)
		}
		if err := shown.Write(e); err != nil {
			return err
		}
		if n == f.count {
			return nil
		}
	}
}

// unlessOver drops the errors that only say that the work is done.
func unlessOver(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// account says at the end what was not seen, and what was seen twice.
func (w *world) account(f *fleet.Fleet) {
	if v := f.View(); len(v.Unseen) > 0 {
		w.tell.tell("at the end: " + v.String())
	}
	if s := f.Stats(); s.Late > 0 {
		w.tell.tell(fmt.Sprintf("%d of %d events came after the other end of their connection had been shown, and were left out", s.Late, s.Came))
	}
}
