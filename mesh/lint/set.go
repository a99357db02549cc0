package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Set is what was read from one origin: files, or a cluster.
type Set struct {
	// Live says that it comes from a cluster.
	Live bool

	objects  map[key]object
	problems []Finding
	read     map[Kind]map[string]bool // listed in full: kind -> namespaces, "" for all
	failed   map[Kind]string          // could not be read, and why
	count    int
	dropped  int            // problems
	ignored  map[string]int // objects of other kinds, by group and kind
}

// key is what an object is known by.
type key struct {
	kind            Kind
	namespace, name string
}

func (r Ref) key() key { return key{r.Kind, r.Namespace, r.Name} }

// NewSet returns a set with nothing in it.
func NewSet() *Set {
	return &Set{
		objects: map[key]object{}, read: map[Kind]map[string]bool{}, failed: map[Kind]string{}, ignored: map[string]int{},
	}
}

// Objects is how many objects were read that lint knows.
func (s *Set) Objects() int { return s.count }

// Ignored are the kinds that lint does not know, and how many objects of each there were.
func (s *Set) Ignored() map[string]int { return maps.Clone(s.ignored) }

// maxIgnoredKinds bounds the names that are kept of kinds that nothing here knows; the others are counted as one.
const maxIgnoredKinds = 200

func (s *Set) ignore(apiVersion, kind string) {
	name := kind + "." + apiVersion
	if _, known := s.ignored[name]; !known && len(s.ignored) >= maxIgnoredKinds {
		name = "other"
	}
	s.ignored[name]++
}

// add puts one object in. The last one of a name wins, as it does when files are applied one after the other.
func (s *Set) add(o object) {
	m := o.meta()
	s.count++
	if first, twice := s.objects[m.key()]; twice && !s.Live {
		f := finding(idDuplicate, m.Ref, "", titled(*m)+" is defined twice: also "+whereIs(first.meta()))
		f.Related = []Ref{first.meta().Ref}
		s.problem(f)
	}
	s.objects[m.key()] = o
}

// whereIs says where an object was read.
func whereIs(m *Meta) string {
	if m.Source == "" {
		return "in the cluster"
	}
	return fmt.Sprintf("in %s:%d", m.Source, m.Line)
}

// maxProblems bounds what is reported of the reading of one origin; the others are counted.
const maxProblems = 10_000

func (s *Set) problem(f ...Finding) {
	kept := min(max(maxProblems-len(s.problems), 0), len(f))
	s.problems = append(s.problems, f[:kept]...)
	s.dropped += len(f) - kept
}

// complete notes that a kind was listed in full in a namespace, or in all of them.
func (s *Set) complete(kind Kind, namespace string) {
	if s.read[kind] == nil {
		s.read[kind] = map[string]bool{}
	}
	s.read[kind][namespace] = true
}

// sorted returns all objects of one type, by namespace, then by age and name.
func sorted[O object](objects map[key]object) []O {
	var out []O
	for _, o := range objects {
		if typed, ok := o.(O); ok {
			out = append(out, typed)
		}
	}
	slices.SortFunc(out, func(a, b O) int {
		x, y := a.meta(), b.meta()
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), byAge(x, y), cmp.Compare(x.Kind, y.Kind))
	})
	return out
}

// Problems is how many things were found wrong while reading.
func (s *Set) Problems() int { return len(s.problems) + len(s.failed) }
