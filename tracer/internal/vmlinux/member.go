package main

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/btf"
)

// cut returns the wanted members in the kernel's order. Members of unnamed structures and unions are found by their
// name, as in C; what surrounds them stays.
func cut(members []btf.Member, wanted []string) ([]btf.Member, error) {
	found := map[string]bool{}
	kept := keep(members, wanted, found)
	for _, name := range wanted {
		if !found[name] {
			return nil, fmt.Errorf("member %s: %w", name, ErrNotFound)
		}
	}
	return kept, nil
}

func keep(members []btf.Member, wanted []string, found map[string]bool) []btf.Member {
	var kept []btf.Member
	for _, m := range members {
		if m.Name != "" {
			if slices.Contains(wanted, m.Name) {
				found[m.Name] = true
				kept = append(kept, m)
			}
			continue
		}
		inner, _ := unnamed(m.Type)
		if inner = keep(inner, wanted, found); len(inner) > 0 {
			m.Type = withMembers(m.Type, inner)
			kept = append(kept, m)
		}
	}
	return kept
}

func withMembers(t btf.Type, members []btf.Member) btf.Type {
	switch t := t.(type) {
	case *btf.Struct:
		return &btf.Struct{Size: t.Size, Members: members}
	case *btf.Union:
		return &btf.Union{Size: t.Size, Members: members}
	}
	return t
}
