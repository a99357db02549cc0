package lint

import (
	"fmt"
	"slices"
)

// Choose returns the checks that are asked for by ID or name: all if only is empty, without those of skip.
func Choose(all []Check, only, skip []string) ([]Check, error) {
	for _, name := range slices.Concat(only, skip) {
		if find(all, name) == nil {
			return nil, fmt.Errorf("%q is no check%s (tlstrace lint --list shows all)", name, orRather(name, namesOf(all)))
		}
	}
	var chosen []Check
	for _, c := range all {
		if (len(only) == 0 || c.in(only)) && !c.in(skip) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, errNoChecks
	}
	return chosen, nil
}

// errNoChecks says that every check that was asked for is also to be skipped.
var errNoChecks = fmt.Errorf("no check is left to be made")

// in says whether a check is among names, which may be IDs.
func (c *Check) in(names []string) bool {
	return slices.Contains(names, c.ID) || slices.Contains(names, c.Name)
}

func find(all []Check, name string) *Check {
	for i := range all {
		if all[i].ID == name || all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

func namesOf(all []Check) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.ID, c.Name)
	}
	return names
}
