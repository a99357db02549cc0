package lint

import (
	"cmp"
	"slices"
)

// catalog lists the checks that look at a world, by ID, each with the reasons that it explains.
func catalog() []Check {
	all := slices.Concat(
		versionChecks(), injectionChecks(), peerChecks(), destinationChecks(), clientTLSChecks(), gatewayChecks(), certificateChecks(),
		entryChecks(), identityChecks(), principalChecks(), portChecks(), ambientChecks(),
	)
	for i := range all {
		all[i].Causes = causesOf(all[i].ID)
	}
	slices.SortFunc(all, func(a, b Check) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
