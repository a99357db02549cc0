package lint

import "strings"

// spiffeScheme begins the names in certificates of the mesh, and no principal of an AuthorizationPolicy.
const spiffeScheme = "spiffe://"

// identity is the name in the certificate of a workload: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT
// (istio.io/docs/concepts/security/#istio-identity). Aliases of the trust domain are accepted, but never presented.
func (w *World) identity(o *Workload) string {
	return spiffeScheme + w.Mesh.TrustDomain + "/ns/" + o.Namespace + "/sa/" + o.ServiceAccount
}

// principal is one SPIFFE name as policies spell it: without its scheme.
type principal struct {
	trustDomain, namespace, serviceAccount string
}

// parsePrincipal takes TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT apart. Each part may hold a wildcard.
func parsePrincipal(text string) (principal, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" || parts[0] == "" || parts[2] == "" || parts[4] == "" {
		return principal{}, false
	}
	return principal{parts[0], parts[2], parts[4]}, true
}

// trusts says whether workloads of a trust domain are known to the mesh: its own, its aliases, and "cluster.local", which policies may
// write for the mesh's own (pilot/pkg/security/trustdomain/bundle.go).
func (m *Mesh) trusts(domain string) bool {
	if domain == m.TrustDomain || domain == DefaultTrustDomain {
		return true
	}
	for _, alias := range m.TrustDomainAliases {
		if domain == alias || (strings.HasPrefix(alias, "*") && strings.HasSuffix(domain, alias[1:])) {
			return true
		}
	}
	return false
}
