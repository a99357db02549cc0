package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// IgnoreAnnotation names, on an object, the checks that shall not report it: "TLT0401, sidecar-version-unexpected". It is on the object
// so that the reason can stand beside it and that it goes where the object goes; it holds for that object only.
const IgnoreAnnotation = "tlstrace.dev/ignore"

// maxFindings bounds what is reported of one check, and maxRun of all of them. What is above is counted.
const (
	maxFindings = 1_000
	maxRun      = 10_000
)

// Result is what the checks found.
type Result struct {
	// Findings are sorted by severity, then by object and check; none is there twice.
	Findings []Finding
	// Ignored were reported by a check that an annotation of the object names; Baselined are in the baseline. Dropped were too many.
	Ignored, Baselined, Dropped int
	// Skipped are the checks that were not made because a kind could not be read.
	Skipped []*Check
	// Checks are the checks that were made.
	Checks int
}

// Run makes the checks, and returns what they find.
func Run(w *World, checks []Check) Result {
	r := runner{world: w, seen: map[string]bool{}, byID: map[string]*Check{}, problems: slices.Clone(w.problems)}
	for i := range checks {
		r.byID[checks[i].ID] = &checks[i]
	}
	r.result.Dropped = w.dropped
	r.skip(checks)
	r.input()
	r.ignores()
	for i := range checks {
		r.run(&checks[i])
	}
	r.sort()
	r.locate()
	return r.result
}

type runner struct {
	world  *World
	result Result
	seen   map[string]bool // findings, by what makes them the same
	byID   map[string]*Check
	// problems are what was found while reading.
	problems []Finding
	left     int // findings that the current check may still report
}

// skip finds the checks that cannot be made, and reports the kinds that were not read.
func (r *runner) skip(checks []Check) {
	for _, kind := range slices.Sorted(maps.Keys(r.world.reads.failed)) {
		var without []string
		for i := range checks {
			if c := &checks[i]; slices.Contains(c.Needs, kind) {
				without = append(without, c.ID)
				if !slices.Contains(r.result.Skipped, c) {
					r.result.Skipped = append(r.result.Skipped, c)
				}
			}
		}
		text := fmt.Sprintf("%s was not read: %s", kind, r.world.reads.failed[kind])
		if len(without) > 0 {
			text += "; checks that were skipped: " + strings.Join(without, ", ")
		}
		r.problems = append(r.problems, finding(idNotRead, Ref{Kind: kind}, "", text))
	}
}

// input takes over what was found while reading.
func (r *runner) input() {
	left := map[string]int{}
	for _, f := range r.problems {
		f.Check = r.byID[f.id]
		if f.Check == nil {
			continue // not asked for
		}
		r.left = maxFindings - left[f.id]
		left[f.id]++
		r.add(f)
	}
}

// ignores reports annotations that name no check.
func (r *runner) ignores() {
	check := r.byID[idIgnore]
	if check == nil {
		return
	}
	all := Checks()
	r.left = maxFindings
	for _, m := range r.world.index.metas {
		for _, name := range ignoredBy(m.Annotations) {
			if find(all, name) == nil {
				f := finding(idIgnore, m.Ref, annotated(IgnoreAnnotation), fmt.Sprintf("%s ignores %q, which is no check%s",
					titled(*m), name, orRather(name, namesOf(all))))
				f.Check = check
				r.add(f)
			}
		}
	}
}

// run makes one check, unless what it needs was not read.
func (r *runner) run(c *Check) {
	if c.Run == nil {
		return
	}
	if slices.Contains(r.result.Skipped, c) {
		return
	}
	r.result.Checks++
	r.left = maxFindings
	c.Run(r.world, func(f Finding) {
		f.Check = c
		r.add(f)
	})
}

// add completes a finding and keeps it, unless it is known, ignored or too much.
func (r *runner) add(f Finding) {
	f.Severity = cmp.Or(f.Severity, f.Check.Severity)
	f.Fix = cmp.Or(f.Fix, f.Check.Fix)
	if m := r.world.metaOf(f.Object); m != nil && f.at == nil {
		f.at = m
		f.Object.Source, f.Object.Line, f.Object.APIVersion = m.Source, m.Line, cmp.Or(f.Object.APIVersion, m.APIVersion)
	}
	same := fmt.Sprintf("%v\x00%s\x00%d\x00%s\x00%s", f.key(), f.Object.Source, f.Object.Line, f.Field, f.Message)
	switch {
	case r.seen[same], r.elsewhere(&f):
		return
	case r.ignored(&f):
		r.result.Ignored++
	case r.left <= 0 || len(r.result.Findings) >= maxRun:
		r.result.Dropped++
	default:
		r.left--
		r.result.Findings = append(r.result.Findings, f)
	}
	r.seen[same] = true
}

// elsewhere says that the object is of a namespace that nobody asked about: it was read for the rules that hold for all.
func (r *runner) elsewhere(f *Finding) bool {
	only := r.world.Options.Namespace
	return only != "" && f.Object.Namespace != "" && f.Object.Namespace != only && f.Object.Source == ""
}

// metaOf finds where an object was read.
func (w *World) metaOf(r Ref) *Meta { return w.index.metas[r.key()] }

// ignored says that the object itself asks not to be reported by this check.
func (r *runner) ignored(f *Finding) bool {
	if f.at == nil {
		return false
	}
	names := ignoredBy(f.at.Annotations)
	return slices.Contains(names, f.Check.ID) || slices.Contains(names, f.Check.Name)
}

// ignoredBy takes the annotation apart.
func ignoredBy(annotations map[string]string) []string {
	return strings.FieldsFunc(annotations[IgnoreAnnotation], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// annotated is the path of an annotation.
func annotated(name string) string { return fmt.Sprintf("metadata.annotations[%q]", name) }

// sort orders the findings, and what is not made.
func (r *runner) sort() {
	slices.SortFunc(r.result.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), compareRefs(a.Object, b.Object),
			cmp.Compare(a.Check.ID, b.Check.ID), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line))
}
