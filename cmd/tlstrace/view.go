package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
)

// viewFlags say how events are shown.
type viewFlags struct {
	output choice
	color  choice
}

func (v *viewFlags) register(cmd *cobra.Command, standard string, allowed ...string) {
	v.output = choice{allowed: allowed, value: standard}
	v.color = choice{allowed: colorModes, value: "auto"}
	cmd.Flags().VarP(&v.output, "output", "o", "how to show it")
	cmd.Flags().Var(&v.color, "color", "colours; auto is on a terminal unless NO_COLOR is set")
	completeSet(cmd, "output", allowed)
	completeSet(cmd, "color", colorModes)
}

// machine says that a program reads the output.
func (v *viewFlags) machine() bool { return v.output.value == "json" || v.output.value == "yaml" }

// sink is the view of a stream of events on standard output.
func (v *viewFlags) sink(w *world) sink.Sink {
	switch v.output.value {
	case "json":
		return sink.NewJSON(w.stdout)
	case "yaml":
		return sink.NewYAML(w.stdout)
	}
	size := func() sink.Screen { return screenOf(w.stdout, v.color.value) }
	return session.NewLive(w.stdout, v.output.value == "wide", size)
}

// colorModes are the values of --color.
var colorModes = session.ColorModes

// screenOf is [session.ScreenOf].
func screenOf(out io.Writer, color string) sink.Screen { return session.ScreenOf(out, color) }
