package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/btf"
)

// Sentinels for what a list can ask wrongly of a kernel.
var (
	ErrNotFound  = errors.New("not in the kernel's BTF")
	ErrNotListed = errors.New("list it with the members in use")
)

// Composite is a structure to be written: the kernel's type cut down to the wanted members.
type Composite struct {
	Entry   *Entry
	Keyword string // struct or union
	Size    uint32 // in the kernel, bytes
	Members []btf.Member
}

// Enum is an enum to be written, with the wanted enumerators in the list's order.
type Enum struct {
	Name   string // empty for enumerators of unnamed enums
	Signed bool
	Values []btf.EnumValue
}

// Selection is what the list asks for, found in a kernel's BTF, every type after those it needs.
type Selection struct {
	Enums      []Enum
	Typedefs   []*btf.Typedef // of scalars and pointers
	Composites []Composite
	Opaque     []string // structures known by name only: "struct sk_buff"; sorted
}

// selector walks from the listed types to those that they need.
type selector struct {
	spec *btf.Spec
	list []*Entry
	seen map[string]bool // entries and typedefs that are selected or about to be
	out  Selection
}

// Select finds the listed types. It fails on a type or member that the kernel does not have (ErrNotFound), on a type
// that a wanted member holds by value but whose members are not listed (ErrNotListed), and on one taken whole that C
// would lay out otherwise (ErrLayout).
func Select(spec *btf.Spec, list []*Entry) (*Selection, error) {
	s := selector{spec: spec, list: list, seen: map[string]bool{}}
	for _, e := range list {
		if err := s.entry(e); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", e.Line, e, err)
		}
	}
	slices.Sort(s.out.Opaque)
	s.out.Opaque = slices.Compact(s.out.Opaque)
	return &s.out, nil
}

func (s *selector) entry(e *Entry) error {
	switch {
	case e.Kind == "enum":
		return s.enum(e)
	case e.Kind == "typedef" && len(e.Members) == 0:
		t, err := find[*btf.Typedef](s, e.Name)
		if err != nil {
			return err
		}
		return s.typedef(t)
	case !e.All() && len(e.Members) == 0:
		// Only the name, which need not be in this kernel's BTF.
		s.out.Opaque = append(s.out.Opaque, e.String())
		return nil
	}
	return s.composite(e)
}

// find returns the kernel's type of that name. Typedefs may be there more than once, for they hide types that differ only
// in what nothing here depends on: the first counts.
func find[T btf.Type](s *selector, name string) (T, error) {
	var first T
	err := s.spec.TypeByName(name, &first)
	if errors.Is(err, btf.ErrNotFound) {
		return first, ErrNotFound
	}
	if !errors.Is(err, btf.ErrMultipleMatches) {
		return first, err
	}
	all, err := s.spec.AnyTypesByName(name)
	for _, t := range all {
		if match, ok := t.(T); ok {
			if _, ok := t.(*btf.Typedef); ok {
				return match, nil
			}
			return first, fmt.Errorf("%w in the kernel's BTF", btf.ErrMultipleMatches)
		}
	}
	return first, err
}

// composite selects a structure and, before it, what its members need.
func (s *selector) composite(e *Entry) error {
	if s.seen[e.String()] {
		return nil
	}
	s.seen[e.String()] = true
	if !e.All() && len(e.Members) == 0 {
		return ErrNotListed
	}
	c, err := s.lookUp(e)
	if err != nil {
		return err
	}
	if !e.All() {
		if c.Members, err = cut(c.Members, e.Members); err != nil {
			return err
		}
	}
	if e.Whole {
		if err := checkLayout(c.Members, c.Size); err != nil {
			return err
		}
	}
	if err := s.walkMembers(c.Members); err != nil {
		return err
	}
	s.out.Composites = append(s.out.Composites, c)
	return nil
}

// lookUp returns the kernel's structure, complete.
func (s *selector) lookUp(e *Entry) (Composite, error) {
	var t btf.Type
	var err error
	switch e.Kind {
	case "union":
		t, err = find[*btf.Union](s, e.Name)
	case "typedef":
		t, err = find[*btf.Typedef](s, e.Name)
	default:
		t, err = find[*btf.Struct](s, e.Name)
	}
	if err != nil {
		return Composite{}, err
	}
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		return Composite{e, "struct", t.Size, t.Members}, nil
	case *btf.Union:
		return Composite{e, "union", t.Size, t.Members}, nil
	}
	return Composite{}, fmt.Errorf("members listed, but it is %v", t)
}

// unnamed returns the members of a struct or union without a name.
func unnamed(t btf.Type) ([]btf.Member, bool) {
	switch t := t.(type) {
	case *btf.Struct:
		return t.Members, t.Name == ""
	case *btf.Union:
		return t.Members, t.Name == ""
	}
	return nil, false
}

// walk selects what a member of type t needs.
func (s *selector) walk(t btf.Type) error {
	switch t := t.(type) {
	case *btf.Pointer:
		return s.walkTarget(t.Target)
	case *btf.Array:
		return s.walk(t.Type)
	case *btf.Const:
		return s.walk(t.Type)
	case *btf.Volatile:
		return s.walk(t.Type)
	case *btf.Restrict:
		return s.walk(t.Type)
	case *btf.TypeTag:
		return s.walk(t.Type)
	case *btf.Typedef:
		return s.typedef(t)
	case *btf.Enum:
		return s.held("enum", t.Name)
	case *btf.Struct:
		if t.Name != "" {
			return s.held("struct", t.Name)
		}
		return s.walkMembers(t.Members)
	case *btf.Union:
		if t.Name != "" {
			return s.held("union", t.Name)
		}
		return s.walkMembers(t.Members)
	case *btf.FuncProto:
		return fmt.Errorf("pointer to a function: %w", errCannotDeclare)
	}
	return nil
}

func (s *selector) walkMembers(members []btf.Member) error {
	for _, m := range members {
		if err := s.walk(m.Type); err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
	}
	return nil
}

// walkTarget selects what a pointer needs: of a structure only the name.
func (s *selector) walkTarget(t btf.Type) error {
	switch u := btf.QualifiedType(t).(type) {
	case *btf.Struct:
		if u.Name != "" {
			s.out.Opaque = append(s.out.Opaque, "struct "+u.Name)
			return nil
		}
	case *btf.Union:
		if u.Name != "" {
			s.out.Opaque = append(s.out.Opaque, "union "+u.Name)
			return nil
		}
	case *btf.Fwd:
		s.out.Opaque = append(s.out.Opaque, u.Kind.String()+" "+u.Name)
		return nil
	}
	return s.walk(t)
}

func (s *selector) typedef(t *btf.Typedef) error {
	if _, ok := unnamed(t.Type); ok {
		return s.held("typedef", t.Name)
	}
	if s.seen[t.Name] {
		return nil
	}
	s.seen[t.Name] = true
	if err := s.walk(t.Type); err != nil {
		return fmt.Errorf("typedef %s: %w", t.Name, err)
	}
	s.out.Typedefs = append(s.out.Typedefs, t)
	return nil
}

// held selects a type that a member holds by value.
func (s *selector) held(kind, name string) error {
	for _, e := range s.list {
		if e.Kind != kind || e.Name != name || name == "" {
			continue
		}
		if kind == "enum" {
			return nil
		}
		return s.composite(e)
	}
	return fmt.Errorf("%s %s: %w", kind, name, ErrNotListed)
}
