package lint

import (
	"fmt"
	"slices"
	"strings"
)

// nameOf spells an object as kubectl does: namespace/name.
func nameOf(m Meta) string {
	if m.Namespace == "" {
		return m.Name
	}
	return m.Namespace + "/" + m.Name
}

// titled adds the kind: "Deployment shop/payments".
func titled(m Meta) string {
	return string(m.Kind) + " " + nameOf(m)
}

// few lists at most three names, in their order, each once, and counts the rest.
func few(names []string) string {
	var unique []string
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			unique = append(unique, name)
		}
	}
	switch n := len(unique); {
	case n > 3:
		return fmt.Sprintf("%s and %d more", strings.Join(unique[:3], ", "), n-3)
	case n > 1:
		return strings.Join(unique[:n-1], ", ") + " and " + unique[n-1]
	}
	return strings.Join(unique, "")
}

// maxRelated bounds the objects that one finding names.
const maxRelated = 16

// refs collects the objects that a finding rests on: each once, at most maxRelated.
type refs []Ref

func (r *refs) add(found ...Ref) {
	for _, ref := range found {
		if ref.Name != "" && len(*r) < maxRelated && !slices.Contains(*r, ref) {
			*r = append(*r, ref)
		}
	}
}
