package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/kubectl-tlstrace/fleet"
	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
)

const topLong = `top shows which workloads fail to shake hands with which, and why: how often, how fast, and when last. It begins with
what the agents keep of the last ten minutes (--since), and is drawn anew on a terminal; where it is piped the table is printed each time.

FAILURES counts at least: repeats are told by number only, so that where both ends tell of them the end counts that told of more.

`

// TopSchema names the form of the JSON of top. Fields are added within a version, never renamed or removed.
const TopSchema = "tlstrace.top/v1"

// topFlags are the settings of top.
type topFlags struct {
	cluster  clusterFlags
	output   session.Choice
	color    session.Choice
	interval time.Duration
	once     bool
}

func newTop(w *world) *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:               "top",
		Short:             "Count failed handshakes of the cluster by pair and reason",
		Long:              topLong + session.ReasonsHelp(),
		Example:           "  kubectl tlstrace top -A\n  kubectl tlstrace top -n shop --since 1h --once\n  kubectl tlstrace top -A --once -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.interval < 100*time.Millisecond {
				return fmt.Errorf("--interval %s: must be 100ms at least", f.interval)
			}
			if err := f.cluster.check(cmd); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return f.top(ctx, w)
		},
	}
	f.cluster.register(cmd, w)
	if err := cmd.Flags().Set("since", "10m"); err != nil {
		panic(err) // a mistake in this program
	}
	cmd.Flags().Lookup("since").DefValue = "10m"
	f.output = session.Choice{Allowed: []string{"table", "json"}, Value: "table"}
	registerView(cmd, &f.output, &f.color)
	cmd.Flags().DurationVar(&f.interval, "interval", 2*time.Second, "draw it anew this often")
	cmd.Flags().BoolVar(&f.once, "once", false, "print it once, of what the agents keep, and end")
	return cmd
}

// top counts until something ends it. What is shown is always counted to its end.
func (f *topFlags) top(ctx context.Context, w *world) (err error) {
	begun := f.cluster.filter.Since.Time
	events, err := f.cluster.open(ctx, w, f.once)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	counted := newTally(begun)
	if f.once {
		if err := drain(ctx, events, counted); err != nil || ctx.Err() != nil {
			return err
		}
		return f.draw(w, events.Fleet, counted)
	}
	events.Settle(ctx, settleTime)
	for ctx.Err() == nil {
		turn, cancel := context.WithTimeout(ctx, f.interval)
		err := drain(turn, events, counted)
		cancel()
		if err != nil {
			return err
		}
		if err := f.draw(w, events.Fleet, counted); err != nil {
			return err
		}
	}
	return nil
}

// drain counts what comes until there is no more, or it is time.
func drain(ctx context.Context, events *source, counted *tally) error {
	for {
		e, err := events.Next(ctx)
		if err != nil {
			return unlessOver(err)
		}
		counted.add(e)
	}
}

// Top is one reading of top in JSON.
type Top struct {
	Schema string            `json:"schema"`
	Time   time.Time         `json:"time"`
	Since  time.Time         `json:"since"`
	Rows   []Row             `json:"rows"`
	Others uint64            `json:"others,omitempty"` // failures of more kinds than are told apart
	Nodes  map[string]string `json:"nodes"`            // the way to the agent, by node
	Unseen map[string]string `json:"unseen,omitempty"` // why not, by node
}

func (f *topFlags) draw(w *world, agents *fleet.Fleet, counted *tally) error {
	now, view := w.now(), agents.View()
	rows := counted.table(now)
	if f.output.Value == "json" {
		return json.NewEncoder(w.stdout).Encode(Top{TopSchema, now, counted.begun, rows, counted.others, view.Seen, view.Unseen})
	}
	screen := session.ScreenOf(w.stdout, f.color.Value)
	if screen.Width > 0 && !f.once {
		if _, err := io.WriteString(w.stdout, "\x1b[H\x1b[2J"); err != nil { // from the upper left, on an empty screen (ECMA-48)
			return err
		}
	}
	return f.table(w.stdout, screen, rows, counted, view, now)
}

// table writes what fits on the screen.
func (f *topFlags) table(out io.Writer, screen sink.Screen, rows []Row, counted *tally, view fleet.View, now time.Time) error {
	fmt.Fprintf(out, "%s  %s since %s  %s\n", now.Format(time.TimeOnly), f.cluster.scope(), counted.begun.Format(time.TimeOnly), sink.Escape(view.String(), 300))
	shown := rows
	if screen.Height > 6 && len(rows) > screen.Height-5 && !f.once {
		shown = rows[:screen.Height-5]
	}
	lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, "FAILURES\tPER-MIN\tCLIENT\tSERVER\tREASON\tLOOK-AT\tLAST\tID")
	for _, r := range shown {
		fmt.Fprintf(lines, "%d\t%.1f\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Failures, r.PerMinute, r.Client, r.Server, sink.Escape(string(r.Reason), 60), r.LookAt,
			r.Last.Local().Format(time.TimeOnly), r.ID)
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	var err error
	switch left := len(rows) - len(shown); {
	case len(rows) == 0:
		_, err = fmt.Fprintln(out, "No failed handshakes.")
	case left > 0 || counted.others > 0:
		_, err = fmt.Fprintf(out, "%d more kinds, and %d failures of others\n", left, counted.others)
	}
	return err
}
