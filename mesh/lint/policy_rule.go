package lint

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

// Rules tells which DestinationRule a client's proxy follows.
//
// The order is that of istio.io/docs/ops/best-practices/traffic-management/#cross-namespace-configuration: the client's namespace, then
// the service's, then the root namespace; within one namespace the most specific host. Rules of one namespace for one host are merged:
// the first one's trafficPolicy, and all subsets (same page, #split-virtual-services). Rules of several namespaces are never merged.
type Rules struct {
	world *World
	of    map[string][]*DestinationRule // by namespace, those with a workloadSelector first, then the oldest
	// followed says of namespaces that were asked about whether they have proxies that follow rules; "" is any namespace.
	followed map[string]bool
}

// NewRules sorts the rules of a world as Istio does before it merges them.
func NewRules(w *World) *Rules {
	r := &Rules{world: w, of: map[string][]*DestinationRule{}, followed: map[string]bool{"": w.followsRules("")}}
	for _, rule := range oldestFirst(w.DestinationRules) {
		r.of[rule.Namespace] = append(r.of[rule.Namespace], rule)
	}
	for _, rules := range r.of {
		slices.SortStableFunc(rules, func(a, b *DestinationRule) int {
			return boolRank(a.Spec.GetWorkloadSelector() == nil) - boolRank(b.Spec.GetWorkloadSelector() == nil)
		})
	}
	return r
}

func boolRank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// Client is a proxy that follows rules.
type Client struct {
	Namespace string
	Labels    map[string]string // of its pod, for rules with a workloadSelector
}

// Merged is the rule that a client follows for one host: several objects, if a namespace has several for it.
type Merged struct {
	// From are the objects, in the order in which the first one wins. None: no rule, so automatic mutual TLS.
	From []*DestinationRule
}

// For returns the rule that a client follows for a service, by its fully qualified host and its namespace ("" for one that has none).
func (r *Rules) For(client Client, host, serviceNamespace string) Merged {
	root := r.world.Mesh.RootNamespace
	own := r.inNamespace(client.Namespace, host, func(d *DestinationRule) bool {
		return ownUse(d) && (client.Namespace != root || privateOnly(d))
	})
	if len(own) > 0 {
		return forClient(own, client)
	}
	for _, ns := range []string{serviceNamespace, root} {
		found := r.inNamespace(ns, host, func(d *DestinationRule) bool { return !privateOnly(d) })
		found = slices.DeleteFunc(found, func(d *DestinationRule) bool { return !exportedTo(d, client.Namespace) })
		if len(found) > 0 {
			return forClient(found, client)
		}
	}
	return Merged{}
}

// inNamespace returns the rules of a namespace for the most specific host that covers the given one.
func (r *Rules) inNamespace(ns, host string, use func(*DestinationRule) bool) []*DestinationRule {
	var found []*DestinationRule
	best := ""
	for _, rule := range r.of[ns] {
		ruleHost := r.world.FullHost(rule.Spec.GetHost(), ns)
		if !use(rule) || !hostCovers(ruleHost, host) {
			continue
		}
		switch {
		case best == "" || moreSpecific(ruleHost, best):
			found, best = []*DestinationRule{rule}, ruleHost
		case ruleHost == best:
			found = append(found, rule)
		}
	}
	return found
}

// forClient takes the rules with a workloadSelector only if it matches, and then only those.
func forClient(rules []*DestinationRule, client Client) Merged {
	var selected, plain []*DestinationRule
	for _, rule := range rules {
		selector := rule.Spec.GetWorkloadSelector()
		switch {
		case selector == nil:
			plain = append(plain, rule)
		case rule.Namespace == client.Namespace && hasLabels(client.Labels, selector.GetMatchLabels()):
			selected = append(selected, rule)
		}
	}
	if len(selected) > 0 {
		return Merged{From: selected}
	}
	return Merged{From: plain}
}

// exportsOf returns a rule's exportTo. A rule with a workloadSelector is never exported.
func exportsOf(d *DestinationRule) []string {
	if d.Spec.GetWorkloadSelector() != nil {
		return []string{"."}
	}
	return d.Spec.GetExportTo()
}

// ownUse says whether proxies of the rule's own namespace follow it.
func ownUse(d *DestinationRule) bool {
	to := exportsOf(d)
	return len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, ".") || slices.Contains(to, d.Namespace)
}

// privateOnly says whether only proxies of the rule's own namespace do.
func privateOnly(d *DestinationRule) bool {
	to := exportsOf(d)
	return len(to) == 1 && (to[0] == "." || to[0] == d.Namespace)
}

// exportedTo says whether proxies of a namespace may follow a rule. That defaultDestinationRuleExportTo of the mesh
// configuration can make the default private is not considered.
func exportedTo(d *DestinationRule, ns string) bool {
	to := exportsOf(d)
	if len(to) == 0 || slices.Contains(to, "*") || slices.Contains(to, ns) {
		return true
	}
	return ns == d.Namespace && slices.Contains(to, ".")
}

// hostCovers says whether a rule's host, which may be a wildcard, covers a host.
func hostCovers(rule, host string) bool {
	if suffix, wild := strings.CutPrefix(rule, "*"); wild {
		return strings.HasSuffix(strings.TrimPrefix(host, "*"), suffix)
	}
	return rule == host
}

// moreSpecific says whether host a is to be preferred to b: no wildcard, then the longer one (pkg/config/host, MoreSpecific).
func moreSpecific(a, b string) bool {
	wildA, wildB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
	if wildA != wildB {
		return wildB
	}
	return len(a) > len(b)
}

// ClientTLS is the TLS that a rule makes a client's proxy speak on one port.
type ClientTLS struct {
	// Settings are nil if no rule sets any: the proxy does as the endpoint can (automatic mutual TLS).
	Settings *v1alpha3.ClientTLSSettings
	Rule     *DestinationRule // that has them
	Field    string           // where: spec.trafficPolicy.tls
	// Dropped is the rule's tls that a port-level setting without any replaces: it is not inherited.
	Dropped *v1alpha3.ClientTLSSettings
}

// TLS returns what a client speaks to a port of a service, for a subset or, with "", for the service as a whole.
//
// A port-level setting replaces the destination-level one as a whole, so that what it omits is the default and not inherited
// (istio.io/docs/reference/config/networking/destination-rule/#TrafficPolicy, portLevelSettings); a subset's setting overrides the
// destination's where it is set (same page, #Subset).
func (m Merged) TLS(port uint32, subset string) ClientTLS {
	base := ClientTLS{}
	for _, rule := range m.From {
		if policy := rule.Spec.GetTrafficPolicy(); policy != nil {
			base = policyTLS(rule, policy, "spec.trafficPolicy", port)
			break
		}
	}
	for _, rule := range m.From {
		for i, s := range rule.Spec.GetSubsets() {
			if subset == "" || s.GetName() != subset {
				continue
			}
			return policyTLS(rule, s.GetTrafficPolicy(), fmt.Sprintf("spec.subsets[%d].trafficPolicy", i), port).over(base)
		}
	}
	return base
}

// over returns a subset's setting, or the destination's if the subset has none.
func (t ClientTLS) over(base ClientTLS) ClientTLS {
	if t.Field == "" {
		return base
	}
	if t.Settings == nil && t.Dropped == nil {
		t.Dropped = base.Settings
	}
	return t
}

// policyTLS returns the TLS of one traffic policy; no Field if the policy says nothing about it.
func policyTLS(rule *DestinationRule, policy *v1alpha3.TrafficPolicy, field string, port uint32) ClientTLS {
	for i, p := range policy.GetPortLevelSettings() {
		if p.GetPort().GetNumber() == port {
			return ClientTLS{
				Settings: p.GetTls(), Rule: rule, Dropped: policy.GetTls(),
				Field: fmt.Sprintf("%s.portLevelSettings[%d].tls", field, i),
			}
		}
	}
	if policy.GetTls() == nil {
		return ClientTLS{}
	}
	return ClientTLS{Settings: policy.GetTls(), Rule: rule, Field: field + ".tls"}
}
