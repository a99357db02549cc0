package lint

import (
	"fmt"
	"strings"
)

func principalChecks() []Check {
	return []Check{
		{
			ID: "TLT0703", Name: "principal-of-unknown-trust-domain", Severity: Warning, Topic: TopicIdentity,
			Summary: "A policy names a principal of a trust domain that is not the mesh's.",
			Explain: "No workload of this mesh has such an identity: its own trust domain, an alias, or cluster.local (which stands for them) would fit. Another mesh that is trusted by caCertificates of the mesh " +
				"configuration may have it, which is not seen here. The connection is refused after the handshake.",
			Fix:   "Write the trust domain of the mesh, or */ns/... for any; or add the other one to trustDomainAliases if it is the mesh's former one.",
			Needs: []Kind{KindConfigMap},
			Run:   checkTrustDomain,
		},
		{
			ID: "TLT0704", Name: "principal-of-no-service-account", Severity: Warning, Topic: TopicIdentity,
			Summary: "A policy names a principal whose service account does not exist.",
			Explain: "No workload can have the identity. What the policy allows it is never used, and a caller that is meant by it is refused.",
			Fix:     "Correct the namespace or the service account.",
			Known:   []string{"KIA0106"},
			Needs:   []Kind{KindServiceAccount},
			Run:     checkPrincipalAccount,
		},
		{
			ID: "TLT0705", Name: "principal-with-scheme", Severity: Error, Topic: TopicIdentity,
			Summary: "A policy names a principal with spiffe:// before it.",
			Explain: "Principals are written TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT (istio.io/docs/reference/config/security/authorization-policy/#Source); Istio puts the scheme before them. With it written out " +
				"the name is spiffe://spiffe://... and matches nobody. In subjectAltNames it is the other way round: there the scheme belongs.",
			Fix: "Remove spiffe://.",
			Run: checkPrincipalScheme,
		},
		{
			ID: "TLT0706", Name: "principal-malformed", Severity: Error, Topic: TopicIdentity,
			Summary: "A policy names a principal that no certificate of the mesh can hold.",
			Explain: "Without a wildcard at one end a principal has to be TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT. A wildcard stands for anything only as the first or the last character.",
			Fix:     "Write TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT.",
			Run:     checkPrincipalForm,
		},
		{
			ID: "TLT0708", Name: "principal-without-mutual-tls", Severity: Error, Topic: TopicIdentity,
			Summary: "A policy goes by the peer's identity on a workload that has mutual TLS off.",
			Explain: "The identity is read from the client's certificate. With the mode DISABLE there is none, so a rule with principals or namespaces never matches.",
			Fix:     "Set the PeerAuthentication to PERMISSIVE or STRICT, or drop the identity from the rule.",
			Known:   []string{"KIA0105"},
			Needs:   []Kind{KindPeerAuthentication, KindNamespace},
			Run:     checkPrincipalMode,
		},
	}
}

func checkTrustDomain(w *World, report Report) {
	for _, use := range principalUses(w) {
		p, ok := parsePrincipal(use.value)
		if !ok || strings.Contains(p.trustDomain, "*") || w.Mesh.trusts(p.trustDomain) {
			continue
		}
		report(Finding{Object: use.policy.Ref, Field: use.field, Message: fmt.Sprintf(
			"AuthorizationPolicy %s names %s, but the mesh's trust domain is %s%s", nameOf(use.policy.Meta), use.value, w.Mesh.TrustDomain, aliases(w.Mesh.TrustDomainAliases))})
	}
}

func aliases(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (aliases " + few(names) + ")"
}

func checkPrincipalAccount(w *World, report Report) {
	for _, use := range principalUses(w) {
		p, ok := parsePrincipal(use.value)
		if !ok || strings.Contains(p.namespace+p.serviceAccount, "*") || p.serviceAccount == "default" || !w.Mesh.trusts(p.trustDomain) {
			continue
		}
		if w.ServiceAccount(p.namespace, p.serviceAccount) != nil || !w.Complete(KindServiceAccount, p.namespace) {
			continue
		}
		report(Finding{Object: use.policy.Ref, Field: use.field, Message: fmt.Sprintf(
			"AuthorizationPolicy %s names %s, but namespace %s has no service account %s", nameOf(use.policy.Meta), use.value, p.namespace, p.serviceAccount)})
	}
}

func checkPrincipalScheme(w *World, report Report) {
	for _, use := range principalUses(w) {
		if strings.HasPrefix(use.value, spiffeScheme) {
			report(Finding{Object: use.policy.Ref, Field: use.field, Fix: fmt.Sprintf("Write %s.", strings.TrimPrefix(use.value, spiffeScheme)), Message: fmt.Sprintf(
				"AuthorizationPolicy %s names %s: with the scheme it matches nobody", nameOf(use.policy.Meta), use.value)})
		}
	}
}

func checkPrincipalForm(w *World, report Report) {
	for _, use := range principalUses(w) {
		if strings.HasPrefix(use.value, spiffeScheme) || possible(use.value) {
			continue
		}
		report(Finding{Object: use.policy.Ref, Field: use.field, Message: fmt.Sprintf(
			"AuthorizationPolicy %s names %q, which is not of the form TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT", nameOf(use.policy.Meta), use.value)})
	}
}

// possible says whether some identity of a mesh could match a principal.
func possible(value string) bool {
	if strings.HasPrefix(value, "*") || strings.HasSuffix(value, "*") {
		return true
	}
	p, ok := parsePrincipal(value)
	return ok && !strings.Contains(p.trustDomain+p.namespace+p.serviceAccount, "*")
}

func checkPrincipalMode(w *World, report Report) {
	peers := NewPeerPolicies(w)
	for _, policy := range w.AuthorizationPolicies {
		field := identityField(policy)
		if field == "" {
			continue
		}
		for _, o := range w.policyTargets(policy) {
			found := peers.Of(o)
			if o.Membership != InSidecar || found.Mode != Disable || anyOther(found.Ports, Disable) {
				continue
			}
			by, _ := found.PolicyOf(0)
			report(Finding{Object: policy.Ref, Field: field, Related: []Ref{o.Ref, by.Ref}, Message: fmt.Sprintf(
				"AuthorizationPolicy %s goes by the peer's identity, but %s has mutual TLS off by %s: there is no identity", nameOf(policy.Meta), titled(o.Meta), found.Source(0))})
			break
		}
	}
}

func anyOther(ports map[uint32]Mode, mode Mode) bool {
	for _, m := range ports {
		if m != mode {
			return true
		}
	}
	return false
}

// identityField returns the first field by which a policy needs the peer's identity; "" if it needs none.
func identityField(policy *AuthorizationPolicy) string {
	for i, rule := range policy.Spec.GetRules() {
		for j, from := range rule.GetFrom() {
			at := fmt.Sprintf("spec.rules[%d].from[%d].source", i, j)
			switch s := from.GetSource(); {
			case len(s.GetPrincipals()) > 0:
				return at + ".principals"
			case len(s.GetNamespaces()) > 0:
				return at + ".namespaces"
			case len(s.GetServiceAccounts()) > 0:
				return at + ".serviceAccounts"
			}
		}
	}
	return ""
}
