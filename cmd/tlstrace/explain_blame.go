package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

// liveCluster is the value of --lint that means the cluster of the current context.
const liveCluster = "cluster"

// blameFlags say in which configuration explain looks for the object to blame.
type blameFlags struct{ configuration []string }

func (b *blameFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&b.configuration, "lint", nil,
		"name the object to blame in the manifests of this `file` or directory, or in the live cluster: --lint cluster")
}

// check refuses views that the object does not fit into.
func (b *blameFlags) check(view *viewFlags) error {
	if len(b.configuration) > 0 && view.output.Value != "ladder" {
		return fmt.Errorf("--lint goes with the ladder; for %s ask tlstrace lint --event", view.output.Value)
	}
	return nil
}

// show names the object below the event.
func (b *blameFlags) show(ctx context.Context, w *world, view *viewFlags, e event.Event) error {
	switch {
	case len(b.configuration) == 0:
		return nil
	case e.Outcome != event.Failed:
		return errors.New("--lint: this handshake did not fail")
	}
	f := lintFlags{expiry: span{Duration: lint.DefaultExpiry}, view: *view, cluster: clusterFlags{all: true}}
	f.files = slices.DeleteFunc(slices.Clone(b.configuration), func(name string) bool { return name == liveCluster })
	f.live = len(f.files) > 0 && len(f.files) < len(b.configuration)
	sets, err := f.read(ctx, w)
	if err != nil {
		return fmt.Errorf("--lint: %w", err)
	}
	built := lint.Build(f.options(w), sets...)
	found, ok := built.Blame(e, lint.Run(built, lint.Checks()).Findings)
	fmt.Fprintln(w.stdout)
	if !ok {
		return f.report(w).Unblamed(w.stdout, "columns", e)
	}
	return f.report(w).Blame(w.stdout, "columns", e, found)
}
