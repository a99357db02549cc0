package sink

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Filter chooses events. Every field that is set must agree, by any of its items. The zero Filter chooses failures.
// [NewFilter] checks one that a user wrote. Patterns are those of [path.Match], with / as an ordinary character.
type Filter struct {
	Reasons []event.Reason
	Layers  []event.Layer
	// SNI are patterns, in any case, for the name that the client asked for, or the service that an Istio SNI means.
	SNI   []string
	Ports []uint16 // of the server, or that the client dialed
	PIDs  []int    // of either end
	Comms []string // patterns, for either end
	// Namespace, of either end.
	Namespace string
	// Pod, FromPod and ToPod are patterns for the pod of either end, the client and the server; with a / in it, for namespace/pod.
	Pod, FromPod, ToPod string
	// FromWorkload and ToWorkload are the same for what manages the pod of the client and the server.
	FromWorkload, ToWorkload string
	// Outcomes to choose; if empty, failures, and noise if Reasons or Layers ask for it. All chooses every outcome.
	Outcomes []event.Outcome
	All      bool
	Since    time.Time // zero: from the beginning
}

// NewFilter checks a filter. An error names what is wrong and the nearest member of the closed set.
func NewFilter(f Filter) (Filter, error) {
	if err := known("reason", f.Reasons, event.Reasons()); err != nil {
		return Filter{}, err
	}
	if err := known("layer", f.Layers, event.Layers); err != nil {
		return Filter{}, err
	}
	if err := known("outcome", f.Outcomes, event.Outcomes); err != nil {
		return Filter{}, err
	}
	for _, pattern := range slices.Concat(f.SNI, f.Comms, []string{f.Pod, f.FromPod, f.ToPod, f.FromWorkload, f.ToWorkload}) {
		if _, err := path.Match(pattern, ""); err != nil {
			return Filter{}, fmt.Errorf("pattern %q: %w: a [ needs its ], a \\ something after it", Escape(pattern, maxText), err)
		}
	}
	return f, nil
}

// known says which item is not in a closed set, and which member was probably meant.
func known[S ~string](kind string, items, set []S) error {
	for _, item := range items {
		if slices.Contains(set, item) {
			continue
		}
		shown := Escape(string(item), 60)
		if near := Nearest(string(item), set); near != "" {
			return fmt.Errorf("unknown %s %q: did you mean %q?", kind, shown, near)
		}
		return fmt.Errorf("unknown %s %q: there are %s", kind, shown, join(set))
	}
	return nil
}

func join[S ~string](set []S) string {
	var all []string
	for _, s := range set {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}

// Match says whether an event is chosen.
func (f *Filter) Match(e event.Event) bool {
	return f.Wants(e.Outcome) && !e.Time.Before(f.Since) &&
		anyOf(f.Reasons, e.Verdict.Reason) && anyOf(f.Layers, e.Verdict.Layer) && f.matchPort(&e) &&
		f.matchSNI(&e) && f.matchProcess(&e) && f.matchPods(&e)
}

// Wants says whether events of this outcome can be chosen at all, so that others need not be made.
func (f *Filter) Wants(o event.Outcome) bool {
	switch {
	case f.All || slices.Contains(f.Outcomes, o):
		return true
	case len(f.Outcomes) > 0:
		return false
	}
	return o == event.Failed || o == event.Noise && f.asksForNoise()
}

// Narrows says whether the filter leaves events out for more than their outcome: what was counted of all of them is then
// no answer to what was asked.
func (f *Filter) Narrows() bool {
	return len(f.Reasons)+len(f.Layers)+len(f.SNI)+len(f.Ports)+len(f.PIDs)+len(f.Comms) > 0 ||
		f.Namespace+f.Pod+f.FromPod+f.ToPod+f.FromWorkload+f.ToWorkload != "" || !f.Since.IsZero()
}

func (f *Filter) asksForNoise() bool {
	return slices.Contains(f.Layers, event.LayerNoise) ||
		slices.ContainsFunc(f.Reasons, func(r event.Reason) bool { return r.Layer() == event.LayerNoise })
}

// anyOf says whether a value is chosen; without a choice every one is.
func anyOf[T comparable](chosen []T, value T) bool {
	return len(chosen) == 0 || slices.Contains(chosen, value)
}

func (f *Filter) matchPort(e *event.Event) bool {
	return anyOf(f.Ports, e.Server.Port) || e.TCP.Dialed.IsValid() && anyOf(f.Ports, e.TCP.Dialed.Port())
}

func (f *Filter) matchSNI(e *event.Event) bool {
	var names []string
	if e.TLS != nil {
		names = append(names, e.TLS.SNI)
	}
	if e.Mesh != nil {
		names = append(names, e.Mesh.Service)
	}
	return len(f.SNI) == 0 || slices.ContainsFunc(f.SNI, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return name != "" && glob(strings.ToLower(pattern), strings.ToLower(name))
		})
	})
}

func (f *Filter) matchProcess(e *event.Event) bool {
	either := func(ok func(*event.Process) bool) bool {
		return slices.ContainsFunc([]*event.Process{e.Client.Process, e.Server.Process}, func(p *event.Process) bool {
			return p != nil && ok(p)
		})
	}
	return (len(f.PIDs) == 0 || either(func(p *event.Process) bool { return slices.Contains(f.PIDs, p.PID) })) &&
		(len(f.Comms) == 0 || either(func(p *event.Process) bool {
			return slices.ContainsFunc(f.Comms, func(pattern string) bool { return glob(pattern, p.Comm) })
		}))
}

func (f *Filter) matchPods(e *event.Event) bool {
	client, server := e.Client.K8s, e.Server.K8s
	return (f.Namespace == "" || inNamespace(client, f.Namespace) || inNamespace(server, f.Namespace)) &&
		(f.Pod == "" || isPod(client, f.Pod) || isPod(server, f.Pod)) &&
		(f.FromPod == "" || isPod(client, f.FromPod)) &&
		(f.ToPod == "" || isPod(server, f.ToPod)) &&
		(f.FromWorkload == "" || isWorkload(client, f.FromWorkload)) &&
		(f.ToWorkload == "" || isWorkload(server, f.ToWorkload))
}

func inNamespace(k *event.K8s, namespace string) bool { return k != nil && k.Namespace == namespace }

func isPod(k *event.K8s, pattern string) bool {
	return k != nil && isNamed(k.Namespace, k.Pod, pattern)
}

func isWorkload(k *event.K8s, pattern string) bool {
	return k != nil && isNamed(k.Namespace, k.Workload, pattern)
}

// isNamed says whether an object has a name that fits; what has none does not fit.
func isNamed(namespace, name, pattern string) bool {
	switch {
	case name == "":
		return false
	case strings.Contains(pattern, "/"):
		return glob(pattern, namespace+"/"+name)
	}
	return glob(pattern, name)
}

// glob is [path.Match] for names that may hold a slash, as kworker/0:1 does: * matches it, too.
func glob(pattern, name string) bool {
	const slash = "\x00"
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(name, "/", slash))
	return ok && err == nil
}
