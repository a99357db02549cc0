package tracer

import (
	"cmp"
	"slices"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// State says what became of a file with a TLS library.
type State string

// The states.
const (
	StateAttached State = "attached"
	StateRefused  State = "refused" // the kernel or the file did not let us: see Why
	// StateStandby is for a file in use that needs no probes: better places were found beside it, or nothing that makes sessions.
	StateStandby  State = "standby"
	StateReleased State = "released" // nobody uses it any more
	StateFound    State = "found"    // only looked at, by Probe
)

// Target is one file with a TLS library in which probes are, or should be.
type Target struct {
	Path      string   `json:"path"` // as the first process that used it knows it
	Family    string   `json:"family"`
	Version   string   `json:"version,omitempty"`
	State     State    `json:"state"`
	Probes    []string `json:"probes,omitempty"`
	Processes int      `json:"processes"`
	Why       string   `json:"why,omitempty"` // it was refused, or what could not be found in it
}

// list reports on the files with libraries, in the order of their paths.
func (t *targets) list() []Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Target
	for _, f := range t.files {
		for _, l := range f.libraries {
			all = append(all, f.report(l))
		}
	}
	slices.SortFunc(all, compareTargets)
	return all
}

func compareTargets(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Version, b.Version))
}

func (f *file) report(l library.Target) Target {
	r := Target{
		Path: f.path, Family: string(l.Family), Version: l.Version, State: StateAttached, Processes: f.users, Why: l.Note,
	}
	for _, p := range l.Points {
		if f.points[p] && !slices.Contains(r.Probes, string(p.Probe)) {
			r.Probes = append(r.Probes, string(p.Probe))
		}
	}
	switch {
	case f.why != "":
		r.State, r.Why = StateRefused, f.why
	case len(f.links) == 0 && f.users > 0:
		r.State = StateStandby
	case len(f.links) == 0:
		r.State = StateReleased
	}
	return r
}
