package main

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// enum selects the listed enumerators of an enum.
func (s *selector) enum(e *Entry) error {
	t, err := s.source(e)
	if err != nil {
		return err
	}
	if e.All() {
		s.out.Enums = append(s.out.Enums, Enum{t.Name, t.Signed, t.Values})
		return nil
	}
	chosen := Enum{Name: e.Name, Signed: t.Signed}
	for _, name := range e.Members {
		v, ok := enumerator(t, name)
		if !ok {
			return fmt.Errorf("enumerator %s: %w", name, ErrNotFound)
		}
		chosen.Values = append(chosen.Values, v)
	}
	s.out.Enums = append(s.out.Enums, chosen)
	return nil
}

// source finds the kernel's enum: by its name, or the unnamed one that has the first of the listed enumerators.
func (s *selector) source(e *Entry) (*btf.Enum, error) {
	if len(e.Members) == 0 {
		return nil, ErrNotListed
	}
	if e.Name != "" {
		return find[*btf.Enum](s, e.Name)
	}
	for candidate, err := range s.spec.All() {
		if err != nil {
			return nil, err
		}
		t, ok := candidate.(*btf.Enum)
		if !ok || t.Name != "" {
			continue
		}
		if _, ok := enumerator(t, e.Members[0]); ok {
			return t, nil
		}
	}
	return nil, fmt.Errorf("enumerator %s: %w", e.Members[0], ErrNotFound)
}

func enumerator(t *btf.Enum, name string) (btf.EnumValue, bool) {
	for _, v := range t.Values {
		if v.Name == name {
			return v, true
		}
	}
	return btf.EnumValue{}, false
}
