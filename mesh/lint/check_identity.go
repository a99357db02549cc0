package lint

import (
	"fmt"
	"slices"
	"strings"
)

func identityChecks() []Check {
	return []Check{
		{
			ID: "TLT0701", Name: "policy-relies-on-default-account", Severity: Warning, Topic: TopicIdentity,
			Summary: "A policy allows the service account default, which several workloads share.",
			Explain: "A workload without a service account of its own runs as default, and its certificate says so. A policy that names default cannot tell the workloads of the namespace apart, and " +
				"stops to hold for one of them on the day it gets an account of its own.",
			Fix:   "Give each workload that policies name a service account of its own.",
			Needs: []Kind{KindAuthorizationPolicy},
			Run:   checkDefaultAccount,
		},
		{
			ID: "TLT0702", Name: "service-account-missing", Severity: Error, Topic: TopicIdentity,
			Summary: "A workload names a service account that does not exist.",
			Explain: "No pod of it can be made, and no certificate be issued: the identity that others expect is never there.",
			Fix:     "Create the ServiceAccount, or correct serviceAccountName.",
			Needs:   []Kind{KindServiceAccount},
			Run:     checkAccountMissing,
		},
		{
			ID: "TLT0707", Name: "name-ends-in-a-dot", Severity: Error, Topic: TopicIdentity,
			Summary: "A name that a certificate or an SNI is compared with ends in a dot.",
			Explain: "The SNI is sent without a trailing dot (RFC 6066 section 3), names in certificates have none, and subjectAltNames are compared exactly. A name with the dot never matches, in any version of Istio. " +
				"A bug of Istio 1.24.0 with such names has been told of, but neither Istio's release notes for 1.24.1 to 1.24.6 nor the changes between 1.24.0 and 1.24.1 have it: no version is blamed here.",
			Fix: "Remove the dot at the end.",
			Run: checkTrailingDot,
		},
	}
}

func checkDefaultAccount(w *World, report Report) {
	for _, use := range principalUses(w) {
		p, ok := parsePrincipal(use.value)
		if !ok || p.serviceAccount != "default" || use.denies() {
			continue
		}
		clients := w.workloadsAs(p.namespace, "default")
		if len(clients) < 2 {
			continue
		}
		related := refs{}
		var names []string
		for _, o := range clients {
			related.add(o.Ref)
			names = append(names, titled(o.Meta))
		}
		report(Finding{Object: use.policy.Ref, Field: use.field, Related: related, Message: fmt.Sprintf(
			"AuthorizationPolicy %s allows %s, which is the identity of %s alike", nameOf(use.policy.Meta), use.value, few(names))})
	}
}

func checkAccountMissing(w *World, report Report) {
	for _, o := range w.Workloads {
		// Kubernetes makes "default" itself.
		if o.ServiceAccount == "default" || o.ServiceAccount == "" || w.ServiceAccount(o.Namespace, o.ServiceAccount) != nil || !w.Complete(KindServiceAccount, o.Namespace) {
			continue
		}
		report(Finding{Object: o.Ref, Field: o.Field("spec.serviceAccountName"), Message: fmt.Sprintf(
			"%s runs as service account %s, which namespace %s does not have", titled(o.Meta), o.ServiceAccount, o.Namespace)})
	}
}

// comparedName is a name that is compared with what a handshake shows.
type comparedName struct {
	object Meta
	field  string
	value  string
}

func comparedNames(w *World) []comparedName {
	var found []comparedName
	add := func(m Meta, field string, values ...string) {
		for i, value := range values {
			at := field
			if strings.HasSuffix(field, "s") {
				at = fmt.Sprintf("%s[%d]", field, i)
			}
			found = append(found, comparedName{m, at, value})
		}
	}
	for _, rule := range w.DestinationRules {
		for _, b := range tlsBlocks(rule) {
			add(rule.Meta, b.field+".sni", b.tls.GetSni())
			add(rule.Meta, b.field+".subjectAltNames", b.tls.GetSubjectAltNames()...)
		}
	}
	for _, e := range w.ServiceEntries {
		add(e.Meta, "spec.subjectAltNames", e.Spec.GetSubjectAltNames()...)
	}
	for _, g := range w.Gateways {
		for i, server := range g.Spec.GetServers() {
			add(g.Meta, fmt.Sprintf("spec.servers[%d].tls.subjectAltNames", i), server.GetTls().GetSubjectAltNames()...)
			if server.GetTls() != nil {
				add(g.Meta, fmt.Sprintf("spec.servers[%d].hosts", i), server.GetHosts()...)
			}
		}
	}
	for _, v := range w.VirtualServices {
		for i, route := range v.Spec.GetTls() {
			for j, match := range route.GetMatch() {
				add(v.Meta, fmt.Sprintf("spec.tls[%d].match[%d].sniHosts", i, j), match.GetSniHosts()...)
			}
		}
	}
	return found
}

func checkTrailingDot(w *World, report Report) {
	for _, name := range comparedNames(w) {
		if strings.HasSuffix(name.value, ".") {
			report(Finding{Object: name.object.Ref, Field: name.field, Fix: fmt.Sprintf("Write %s.", strings.TrimSuffix(name.value, ".")), Message: fmt.Sprintf(
				"%s has %q, which ends in a dot: no SNI and no certificate does, so it never matches", titled(name.object), name.value)})
		}
	}
}

// principalUse is one principal that a policy names.
type principalUse struct {
	policy *AuthorizationPolicy
	field  string
	value  string
	not    bool // notPrincipals, notValues
}

// denies says whether to have the identity is to be refused.
func (u principalUse) denies() bool {
	return u.not != (u.policy.Spec.GetAction().String() == "DENY")
}

// principalUses returns every principal that a policy names as the peer: in from.source, and in a condition on source.principal.
func principalUses(w *World) []principalUse {
	var found []principalUse
	for _, policy := range w.AuthorizationPolicies {
		add := func(field string, not bool, values []string) {
			for i, value := range values {
				found = append(found, principalUse{policy, fmt.Sprintf("%s[%d]", field, i), value, not})
			}
		}
		for i, rule := range policy.Spec.GetRules() {
			for j, from := range rule.GetFrom() {
				at := fmt.Sprintf("spec.rules[%d].from[%d].source.", i, j)
				add(at+"principals", false, from.GetSource().GetPrincipals())
				add(at+"notPrincipals", true, from.GetSource().GetNotPrincipals())
			}
			for j, when := range rule.GetWhen() {
				if when.GetKey() == "source.principal" {
					at := fmt.Sprintf("spec.rules[%d].when[%d].", i, j)
					add(at+"values", false, when.GetValues())
					add(at+"notValues", true, when.GetNotValues())
				}
			}
		}
	}
	return found
}

// policyTargets returns the workloads that a policy is for: by selector, of its namespace, or, in the root namespace, of all. None for a
// policy that is attached to a waypoint or a service by targetRefs.
func (w *World) policyTargets(policy *AuthorizationPolicy) []*Workload {
	if len(policy.Spec.GetTargetRefs()) > 0 || policy.Spec.GetTargetRef() != nil {
		return nil
	}
	labels := policy.Spec.GetSelector().GetMatchLabels()
	if policy.Namespace != w.Mesh.RootNamespace {
		return w.Selected(policy.Namespace, labels)
	}
	return slices.DeleteFunc(slices.Clone(w.Workloads), func(o *Workload) bool { return !hasLabels(o.PodLabels, labels) })
}
