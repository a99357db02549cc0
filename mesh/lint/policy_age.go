package lint

import (
	"cmp"
	"slices"
)

// aged is an object that Istio orders by age.
type aged interface{ age() *Meta }

func (m *Meta) age() *Meta { return m }

// oldestFirst returns the objects in the order in which Istio lets the first win: by creation, then by name, then by namespace
// (pilot/pkg/model/config.go, configCompareByCreationTime). An object that is not live yet is younger than all that are.
func oldestFirst[O aged](objects []O) []O {
	sorted := slices.Clone(objects)
	slices.SortStableFunc(sorted, func(a, b O) int { return byAge(a.age(), b.age()) })
	return sorted
}

func byAge(a, b *Meta) int {
	switch {
	case a.Created.IsZero() && !b.Created.IsZero():
		return 1
	case !a.Created.IsZero() && b.Created.IsZero():
		return -1
	}
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

// winsUnknown says that which of two objects will be the older cannot be told: neither is live yet.
func winsUnknown(a, b *Meta) bool {
	return a.Created.IsZero() && b.Created.IsZero()
}

// hasLabels says whether labels hold all of a selector's.
func hasLabels(labels, selector map[string]string) bool {
	for key, value := range selector {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
