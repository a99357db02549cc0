package main

import (
	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
)

// viewFlags say how events are shown.
type viewFlags struct {
	output session.Choice
	color  session.Choice
}

func (v *viewFlags) register(cmd *cobra.Command, standard string, allowed ...string) {
	v.output = session.Choice{Allowed: allowed, Value: standard}
	v.color = session.Choice{Allowed: session.ColorModes, Value: "auto"}
	cmd.Flags().VarP(&v.output, "output", "o", "how to show it")
	cmd.Flags().Var(&v.color, "color", "colours; auto is on a terminal unless NO_COLOR is set")
	session.CompleteSet(cmd, "output", allowed)
	session.CompleteSet(cmd, "color", session.ColorModes)
}

// machine says that a program reads the output.
func (v *viewFlags) machine() bool { return v.output.Value == "json" || v.output.Value == "yaml" }

// sink is the view of a stream of events on standard output.
func (v *viewFlags) sink(w *world) sink.Sink {
	switch v.output.Value {
	case "json":
		return sink.NewJSON(w.stdout)
	case "yaml":
		return sink.NewYAML(w.stdout)
	}
	size := func() sink.Screen { return session.ScreenOf(w.stdout, v.color.Value) }
	return session.NewLive(w.stdout, v.output.Value == "wide", size)
}
