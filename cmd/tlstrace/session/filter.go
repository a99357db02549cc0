package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// filterFlags say which events are wanted. One flag's values are alternatives; all flags that are given have to hold.
type filterFlags struct {
	namespace, pod, fromPod, toPod string
	sni, comms                     []string
	reasons, layers                choices
	ports                          []uint
	pids                           []int
	all                            bool
	since                          moment
}

func (f *filterFlags) register(cmd *cobra.Command, w *world) {
	f.since.now = w.now
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all", "A", false, "show handshakes that succeeded, and noise such as probes, too")
	f.choose(flags)
	flags.Var(&f.since, "since", "of a recording: only events at or after this `time`, or this long ago")
	f.complete(cmd)
}

// choose adds the flags that choose by what happened, and to whom.
func (f *filterFlags) choose(flags *pflag.FlagSet) {
	f.reasons = choices{kind: "reason", allowed: spelled(event.Reasons())}
	f.layers = choices{kind: "layer", allowed: spelled(event.Layers)}
	flags.Var(&f.reasons, "reason", "only for these reasons, listed above (repeatable, or with commas)")
	flags.Var(&f.layers, "layer", "only on these layers (repeatable, or with commas)")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "only with an end in this Kubernetes `namespace`")
	flags.StringVar(&f.pod, "pod", "", "only with an end in this pod: a `pattern`, also of namespace/pod")
	flags.StringVar(&f.fromPod, "from-pod", "", "only with the client in this pod: a `pattern`, also of namespace/pod")
	flags.StringVar(&f.toPod, "to-pod", "", "only with the server in this pod: a `pattern`, also of namespace/pod")
	flags.StringSliceVar(&f.sni, "sni", nil, "only with these server names: `patterns`, as in *.shop.svc")
	flags.UintSliceVar(&f.ports, "port", nil, "only to these server `ports`")
	flags.IntSliceVar(&f.pids, "pid", nil, "only with an end in these processes: their `pids`")
	flags.StringSliceVar(&f.comms, "comm", nil, "only with an end in processes of these names: `patterns`")
	flags.Lookup("port").DefValue = "" // not []
}

func (f *filterFlags) complete(cmd *cobra.Command) {
	completeList(cmd, "reason", f.reasons.allowed)
	completeList(cmd, "layer", f.layers.allowed)
}

// build checks the filter as a whole.
func (f *filterFlags) build() (sink.Filter, error) {
	var ports []uint16
	for _, p := range f.ports {
		if p == 0 || p > 65535 {
			return sink.Filter{}, fmt.Errorf("--port %d: ports are 1 to 65535", p)
		}
		ports = append(ports, uint16(p))
	}
	return sink.NewFilter(sink.Filter{
		Reasons: typed[event.Reason](f.reasons.values), Layers: typed[event.Layer](f.layers.values),
		SNI: f.sni, Ports: ports, PIDs: f.pids, Comms: f.comms,
		Namespace: f.namespace, Pod: f.pod, FromPod: f.fromPod, ToPod: f.toPod,
		All: f.all, Since: f.since.Time,
	})
}

// reasonsHelp lists the reasons by their layers.
func reasonsHelp() string {
	var text strings.Builder
	text.WriteString("Layers and their reasons:")
	layer, width := event.Layer(""), 0
	for _, r := range event.Reasons() {
		switch {
		case r.Layer() != layer:
			layer, width = r.Layer(), 0
			fmt.Fprintf(&text, "\n  %-13s", layer)
		case width+len(r) > 85:
			width = 0
			fmt.Fprintf(&text, "\n  %-13s", "")
		}
		fmt.Fprintf(&text, " %s", r)
		width += 1 + len(r)
	}
	return text.String()
}

// typed is the reverse of [spelled].
func typed[S ~string](words []string) []S {
	var out []S
	for _, w := range words {
		out = append(out, S(w))
	}
	return out
}
