package session

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// Filter is the flags that say which events are wanted. One flag's values are alternatives; all flags that are given have to hold.
type Filter struct {
	Namespace string
	All       bool
	Since     Moment

	pod, fromPod, toPod      string
	fromWorkload, toWorkload string
	sni, comms               []string
	reasons, layers          Choices
	ports                    []uint
	pids                     []int
}

// Register adds all flags to a command.
func (f *Filter) Register(cmd *cobra.Command, now func() time.Time) {
	f.Since.Now = now
	flags := cmd.Flags()
	flags.BoolVarP(&f.All, "all", "A", false, "show handshakes that succeeded, and noise such as probes, too")
	f.Choose(flags)
	flags.Var(&f.Since, "since", "of a recording: only events at or after this `time`, or this long ago")
	f.Complete(cmd)
}

// Choose adds the flags that choose by what happened, and to whom.
func (f *Filter) Choose(flags *pflag.FlagSet) {
	f.reasons = Choices{Kind: "reason", Allowed: Spelled(event.Reasons())}
	f.layers = Choices{Kind: "layer", Allowed: Spelled(event.Layers)}
	flags.Var(&f.reasons, "reason", "only for these reasons, listed above (repeatable, or with commas)")
	flags.Var(&f.layers, "layer", "only on these layers (repeatable, or with commas)")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "only with an end in this Kubernetes `namespace`")
	flags.StringVar(&f.pod, "pod", "", "only with an end in this pod: a `pattern`, also of namespace/pod")
	flags.StringVar(&f.fromPod, "from-pod", "", "only with the client in this pod: a `pattern`, also of namespace/pod")
	flags.StringVar(&f.toPod, "to-pod", "", "only with the server in this pod: a `pattern`, also of namespace/pod")
	flags.StringVar(&f.fromWorkload, "from-workload", "", "only with the client in this workload: a `pattern`, also of namespace/workload")
	flags.StringVar(&f.toWorkload, "to-workload", "", "only with the server in this workload: a `pattern`, also of namespace/workload")
	flags.StringSliceVar(&f.sni, "sni", nil, "only with these server names: `patterns`, as in *.shop.svc")
	flags.UintSliceVar(&f.ports, "port", nil, "only to these server `ports`")
	flags.IntSliceVar(&f.pids, "pid", nil, "only with an end in these processes: their `pids`")
	flags.StringSliceVar(&f.comms, "comm", nil, "only with an end in processes of these names: `patterns`")
	flags.Lookup("port").DefValue = "" // not []
}

// Complete lets the shell complete them.
func (f *Filter) Complete(cmd *cobra.Command) {
	CompleteList(cmd, "reason", f.reasons.Allowed)
	CompleteList(cmd, "layer", f.layers.Allowed)
}

// Build checks the filter as a whole.
func (f *Filter) Build() (sink.Filter, error) {
	var ports []uint16
	for _, p := range f.ports {
		if p == 0 || p > 65535 {
			return sink.Filter{}, fmt.Errorf("--port %d: ports are 1 to 65535", p)
		}
		ports = append(ports, uint16(p))
	}
	return sink.NewFilter(sink.Filter{
		Reasons: typed[event.Reason](f.reasons.Values), Layers: typed[event.Layer](f.layers.Values),
		SNI: f.sni, Ports: ports, PIDs: f.pids, Comms: f.comms,
		Namespace: f.Namespace, Pod: f.pod, FromPod: f.fromPod, ToPod: f.toPod,
		FromWorkload: f.fromWorkload, ToWorkload: f.toWorkload,
		All: f.All, Since: f.Since.Time,
	})
}

// Query spells the filter for an agent: its keys are the names of the flags.
func (f *Filter) Query() url.Values {
	q := url.Values{}
	set := func(key string, values ...string) {
		if joined := strings.Join(values, ","); joined != "" {
			q.Set(key, joined)
		}
	}
	set("reason", f.reasons.Values...)
	set("layer", f.layers.Values...)
	set("namespace", f.Namespace)
	set("pod", f.pod)
	set("from-pod", f.fromPod)
	set("to-pod", f.toPod)
	set("from-workload", f.fromWorkload)
	set("to-workload", f.toWorkload)
	set("sni", f.sni...)
	set("port", decimals(f.ports)...)
	set("pid", decimals(f.pids)...)
	set("comm", f.comms...)
	set("since", f.Since.Text)
	if f.All {
		set("all", "true")
	}
	return q
}

func decimals[N int | uint](numbers []N) []string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, strconv.FormatInt(int64(n), 10))
	}
	return texts
}

// ReasonsHelp lists the reasons by their layers.
func ReasonsHelp() string {
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

// typed is the reverse of [Spelled].
func typed[S ~string](words []string) []S {
	var out []S
	for _, w := range words {
		out = append(out, S(w))
	}
	return out
}
