package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

const explainLong = `explain draws one event as a handshake ladder: both ends, each record with its time and direction, the alert, the
close; then what it means and what to look at. It takes the event of that ID (watch -o wide and -o json tell it), or else
the last failure that the filters choose, from the file of --input, from what the agent of --agent keeps, or from what watch saw last
on this machine. With --lint it also names the object of an Istio configuration that the failure is most likely due to.

`

func newExplain(w *world) *cobra.Command {
	var view viewFlags
	var filter session.Filter
	var from recordedFlags
	var blame blameFlags
	cmd := &cobra.Command{
		Use:   "explain [ID]",
		Short: "Draw one handshake, step by step",
		Long:  explainLong + session.ReasonsHelp(),
		Example: "  sudo tlstrace explain\n  sudo tlstrace explain --reason unknown_ca --comm curl\n" +
			"  tlstrace explain --input failures.jsonl 5d1f9a6e\n  tlstrace explain --agent http://127.0.0.1:9499 --lint cluster 5d1f9a6e",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			if err := blame.check(&view); err != nil {
				return err
			}
			wanted, err := filter.Build()
			if err != nil {
				return err
			}
			wanted.All = wanted.All || id != ""
			filter.All = wanted.All
			e, err := find(ctx, w, &from, filter.Query(), id, &wanted)
			if err != nil {
				return err
			}
			if err := view.show(w, e); err != nil {
				return err
			}
			return blame.show(ctx, w, &view, e)
		},
	}
	view.register(cmd, "ladder", "ladder", "json", "yaml")
	filter.Register(cmd, w.now)
	from.remote.register(cmd)
	blame.register(cmd)
	cmd.Flags().StringVar(&from.input, "input", "", "take the event from this JSON lines `file`; - is standard input")
	return cmd
}

// recordedFlags say where events are that were seen before.
type recordedFlags struct {
	input  string
	remote remoteFlags
}

// find returns the last event of an ID, or without one the last that is wanted. An ID may be cut short where that is not
// ambiguous.
func find(ctx context.Context, w *world, from *recordedFlags, query url.Values, id string, wanted *sink.Filter) (event.Event, error) {
	recorded, err := from.open(ctx, w, query, wanted)
	if err != nil {
		return event.Event{}, err
	}
	defer recorded.Close()
	found := session.Search{ID: id, Narrow: wanted.Narrows()}
	f := newFlow(w, recorded, true)
	f.filter = wanted.Match
	f.sink = &found
	if err := f.run(ctx); err != nil {
		return event.Event{}, err
	}
	return found.Result(ctx)
}

// open opens the input, what the agent keeps, or the journal of watch.
func (f *recordedFlags) open(ctx context.Context, w *world, query url.Values, wanted *sink.Filter) (source, error) {
	switch {
	case f.input != "" && f.remote.agent != "":
		return nil, errTwoSources
	case f.input != "":
		return openReplay(w, f.input)
	case f.remote.agent != "":
		wanted.Since = time.Time{} // that is the agent's to judge, by its own clock
		return f.remote.open(ctx, w, query, true)
	}
	return openSeen(w)
}

// openSeen opens the journal of watch.
func openSeen(w *world) (source, error) {
	path, err := journalPath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = systemJournal
	}
	recorded, err := openReplay(w, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("watch has seen no failure yet; give a recording with --input")
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; what root's watch has seen is for root: sudo tlstrace explain", err)
	}
	return recorded, err
}

// show prints one event.
func (v *viewFlags) show(w *world, e event.Event) error {
	if v.machine() {
		s := v.sink(w)
		return errors.Join(s.Write(e), s.Close())
	}
	return sink.Ladder(w.stdout, session.ScreenOf(w.stdout, v.color.Value), e)
}
