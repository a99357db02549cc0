package lint

import "slices"

// Checks lists every check, by ID. The list is made anew each time: the caller may change it.
func Checks() []Check { return slices.Concat(inputChecks(), catalog()) }
