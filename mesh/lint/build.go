package lint

import "maps"

// Build makes the world that checks look at. Objects of a later set replace those of the same name in an earlier one: files that are
// laid over a live cluster come last.
func Build(o Options, sets ...*Set) *World {
	w := &World{Options: o.withDefaults()}
	objects := map[key]object{}
	for i, s := range sets {
		if i > 0 {
			overlay(s)
		}
		for k, o := range s.objects {
			objects[k] = own(o)
		}
		w.problems = append(w.problems, s.problems...)
		w.dropped += s.dropped
	}
	w.reads = newReads(sets)
	w.fill(objects)
	w.Mesh = meshOf(w)
	w.index = newIndex(w, objects)
	w.adopt()
	w.index.workloads(w)
	return w
}

// overlay marks the objects of a set as laid over what was read before.
func overlay(s *Set) {
	for _, o := range s.objects {
		o.meta().Overlaid = true
	}
}

// own copies what a world changes, so that one set serves several worlds.
func own(o object) object {
	if w, ok := o.(*Workload); ok {
		fresh := *w
		return &fresh
	}
	return o
}

// fill sorts the objects into the world's slices.
func (w *World) fill(objects map[key]object) {
	w.Namespaces = sorted[*Namespace](objects)
	w.Workloads = sorted[*Workload](objects)
	w.Pods = sorted[*Pod](objects)
	w.Services = sorted[*Service](objects)
	w.Secrets = sorted[*Secret](objects)
	w.ConfigMaps = sorted[*ConfigMap](objects)
	w.ServiceAccounts = sorted[*ServiceAccount](objects)
	w.PeerAuthentications = sorted[*PeerAuthentication](objects)
	w.AuthorizationPolicies = sorted[*AuthorizationPolicy](objects)
	w.DestinationRules = sorted[*DestinationRule](objects)
	w.ServiceEntries = sorted[*ServiceEntry](objects)
	w.Gateways = sorted[*Gateway](objects)
	w.VirtualServices = sorted[*VirtualService](objects)
	w.Sidecars = sorted[*Sidecar](objects)
	w.WorkloadEntries = sorted[*WorkloadEntry](objects)
	w.Waypoints = sorted[*Waypoint](objects)
}

// reads says what was read in full.
type reads struct {
	read   map[Kind]map[string]bool
	failed map[Kind]string
}

func newReads(sets []*Set) reads {
	r := reads{map[Kind]map[string]bool{}, map[Kind]string{}}
	for _, s := range sets {
		for kind, namespaces := range s.read {
			if r.read[kind] == nil {
				r.read[kind] = map[string]bool{}
			}
			maps.Copy(r.read[kind], namespaces)
		}
		maps.Copy(r.failed, s.failed)
	}
	return r
}

// Complete says that all objects of a kind in a namespace were read, so that one that is missing does not exist: they were
// listed live, or the files were said to be everything. "" asks for all namespaces. Of live Secrets only those that a Gateway, a rule or a waypoint
// names were looked up, and of ConfigMaps only those of the root namespace.
func (w *World) Complete(kind Kind, namespace string) bool {
	read := w.reads.read[kind]
	return read[""] || namespace != "" && read[namespace]
}
