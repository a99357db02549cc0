package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

const explainLong = `explain draws one event as a handshake ladder: both ends, each record with its time and direction, the alert, the
close; then what it means and what to look at. It takes the event of that ID (watch -o wide and -o json tell it), or else the newest
failure that the filters choose, of what the agents keep.

`

func newExplain(w *world) *cobra.Command {
	var cluster clusterFlags
	var output, color session.Choice
	cmd := &cobra.Command{
		Use:               "explain [ID]",
		Short:             "Draw one handshake, step by step",
		Long:              explainLong + session.ReasonsHelp(),
		Example:           "  kubectl tlstrace explain -n shop --to-workload payments\n  kubectl tlstrace explain -A 5d1f9a6e",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cluster.check(cmd); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			wanted, err := cluster.filter.Build()
			if err != nil {
				return err
			}
			search := &session.Search{Narrow: wanted.Narrows() || cluster.labels != ""}
			if len(args) > 0 {
				search.ID, cluster.filter.All = args[0], true
				cluster.allSpaces = cluster.filter.Namespace == ""
			}
			e, err := find(ctx, w, &cluster, search)
			if err != nil {
				return err
			}
			return showOne(w, e, output.Value, color.Value)
		},
	}
	cluster.register(cmd, w)
	output = session.Choice{Allowed: []string{"ladder", "json", "yaml"}, Value: "ladder"}
	registerView(cmd, &output, &color)
	return cmd
}

// find asks what the agents keep.
func find(ctx context.Context, w *world, cluster *clusterFlags, search *session.Search) (event.Event, error) {
	events, err := cluster.open(ctx, w, true)
	if err != nil {
		return event.Event{}, err
	}
	defer events.Close()
	var newest event.Event
	for {
		e, err := events.Read(ctx)
		if err := unlessOver(err); err != nil {
			return event.Event{}, err
		}
		if err != nil {
			break
		}
		if search.ID == "" && e.Time.Before(newest.Time) {
			continue // agents are not in step
		}
		newest = e
		if err := search.Write(e); err != nil {
			return event.Event{}, err
		}
	}
	w.account(events.Fleet)
	return search.Result(ctx)
}

// showOne prints one event.
func showOne(w *world, e event.Event, output, color string) error {
	var s sink.Sink
	switch output {
	case "json":
		s = sink.NewJSON(w.stdout)
	case "yaml":
		s = sink.NewYAML(w.stdout)
	default:
		return sink.Ladder(w.stdout, session.ScreenOf(w.stdout, color), e)
	}
	return errors.Join(s.Write(e), s.Close())
}
