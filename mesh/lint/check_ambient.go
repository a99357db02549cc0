package lint

import (
	"cmp"
	"fmt"
	"slices"

	"istio.io/api/security/v1beta1"
)

func ambientChecks() []Check {
	return []Check{
		{
			ID: "TLT0901", Name: "sidecar-and-ambient", Severity: Warning, Topic: TopicAmbient,
			Summary: "One object asks for a sidecar and for ambient mode at once.",
			Explain: "A pod with a sidecar is left alone by ztunnel: of the two the sidecar wins, for every pod that is made while the label is there, so that pods of one workload can differ by their age. A sidecar in a namespace that " +
				"only has the ambient label is a migration, and is not reported.",
			Fix:   "Keep one of the labels.",
			Needs: []Kind{KindNamespace},
			Run:   checkBothModes,
		},
		{
			ID: "TLT0902", Name: "mutual-tls-off-in-ambient", Severity: Warning, Topic: TopicAmbient,
			Summary: "A PeerAuthentication turns mutual TLS off for workloads in ambient mode.",
			Explain: "ztunnel cannot: DISABLE is not supported in ambient mode and such policies are ignored (istio.io/docs/ambient/usage/l4-policy/#peer-authentication). Traffic within the mesh stays encrypted, " +
				"and a port that is exempted by DISABLE from a STRICT mode that it inherits stays STRICT.",
			Fix:   "Write PERMISSIVE for a port that clients outside of the mesh call in clear; or take the workloads out of ambient mode.",
			Needs: []Kind{KindNamespace},
			Run:   checkDisableInAmbient,
		},
		{
			ID: "TLT0903", Name: "layer-7-policy-without-waypoint", Severity: Error, Topic: TopicAmbient,
			Summary: "An AuthorizationPolicy with HTTP conditions selects workloads in ambient mode, where ztunnel enforces it.",
			Explain: "ztunnel sees connections, no requests. An ALLOW policy that asks for more drops all traffic as a defensive move, right after the handshake " +
				"(istio.io/docs/ambient/usage/l4-policy/#layer-7-authorization-policies-without-waypoints-installed). A policy with a selector goes to ztunnel even if there is a waypoint.",
			Fix:   "Deploy a waypoint, and attach the policy to the Service or the Gateway by targetRefs.",
			Needs: []Kind{KindNamespace},
			Run:   checkLayer7,
		},
		{
			ID: "TLT0904", Name: "waypoint-missing", Severity: Warning, Topic: TopicAmbient,
			Summary: "istio.io/use-waypoint names a waypoint that does not exist.",
			Explain: "Traffic does not pass the waypoint, so nothing that is attached to it (policies, DestinationRules that originate TLS) takes effect.",
			Fix:     "Create the Gateway with the class istio-waypoint, or correct the label; istio.io/use-waypoint-namespace is for one of another namespace.",
			Needs:   []Kind{KindWaypoint, KindNamespace},
			Run:     checkWaypointMissing,
		},
		{
			ID: "TLT0905", Name: "tls-origination-without-waypoint", Severity: Warning, Topic: TopicAmbient,
			Summary: "A DestinationRule originates TLS, but its clients are in ambient mode and there is no waypoint to follow it.",
			Explain: "ztunnel knows no DestinationRules; a waypoint of the destination does. Without one the client's plaintext goes out as it is, to a server that expects TLS.",
			Fix:     "Label the ServiceEntry or Service (or its namespace) with istio.io/use-waypoint.",
			Needs:   []Kind{KindNamespace, KindServiceEntry, KindService},
			Run:     checkOriginationInAmbient,
		},
	}
}

func checkBothModes(w *World, report Report) {
	for _, ns := range w.Namespaces {
		if ns.Labels[labelDataplane] != ambient {
			continue
		}
		if by := labelled(ns.Labels, labelInjection, "enabled"); by != "" {
			report(Finding{Object: ns.Ref, Field: fmt.Sprintf("metadata.labels[%q]", labelDataplane), Message: fmt.Sprintf(
				"Namespace %s has %s=%s and %s: its pods get a sidecar, and ztunnel leaves them alone", ns.Name, labelDataplane, ambient, by)})
		}
	}
	for _, o := range w.Workloads {
		if by := labelled(o.PodLabels, labelInject, "true"); o.PodLabels[labelDataplane] == ambient && by != "" {
			report(Finding{Object: o.Ref, Field: o.Field(fmt.Sprintf("metadata.labels[%q]", labelDataplane)), Message: fmt.Sprintf(
				"the pods of %s have %s=%s and %s: they get a sidecar, and ztunnel leaves them alone", titled(o.Meta), labelDataplane, ambient, by)})
		}
	}
}

// labelled spells a label if it has the value.
func labelled(labels map[string]string, key, value string) string {
	if labels[key] == value {
		return key + "=" + value
	}
	return ""
}

func checkDisableInAmbient(w *World, report Report) {
	peers := NewPeerPolicies(w)
	for _, policy := range w.PeerAuthentications {
		field := disableField(policy)
		if field == "" {
			continue
		}
		for _, o := range w.Workloads {
			if o.Membership != InAmbient || !peers.decides(policy, o) {
				continue
			}
			report(Finding{Object: policy.Ref, Field: field, Related: []Ref{o.Ref}, Message: fmt.Sprintf(
				"PeerAuthentication %s says DISABLE for %s, which is in ambient mode (%s): ztunnel ignores that", nameOf(policy.Meta), titled(o.Meta), o.Why)})
			break
		}
	}
}

// disableField returns the first field of a policy that says DISABLE.
func disableField(policy *PeerAuthentication) string {
	if modeOf(policy.Spec.GetMtls()) == Disable {
		return "spec.mtls.mode"
	}
	for _, port := range sortedPorts(policy) {
		if modeOf(policy.Spec.GetPortLevelMtls()[port]) == Disable && selects(policy) {
			return portField(port)
		}
	}
	return ""
}

func sortedPorts(policy *PeerAuthentication) []uint32 {
	var ports []uint32
	for port := range policy.Spec.GetPortLevelMtls() {
		ports = append(ports, port)
	}
	slices.Sort(ports)
	return ports
}

// decides says whether a policy decides about any port of a workload.
func (p *PeerPolicies) decides(policy *PeerAuthentication, o *Workload) bool {
	found := p.Of(o)
	return found.By == policy || (found.Selecting == policy && len(policy.Spec.GetPortLevelMtls()) > 0)
}

func checkLayer7(w *World, report Report) {
	for _, policy := range w.AuthorizationPolicies {
		field := layer7Field(policy)
		if field == "" || policy.Spec.GetAction() != v1beta1.AuthorizationPolicy_ALLOW {
			continue
		}
		for _, o := range w.policyTargets(policy) {
			if o.Membership != InAmbient {
				continue
			}
			report(Finding{Object: policy.Ref, Field: field, Related: []Ref{o.Ref}, Message: fmt.Sprintf(
				"AuthorizationPolicy %s has the HTTP condition %s, but %s is in ambient mode and ztunnel, which enforces it, sees no HTTP: it drops the traffic",
				nameOf(policy.Meta), field, titled(o.Meta))})
			break
		}
	}
}

// layer7Field returns the first condition of a policy that needs a request to be seen (istio.io/docs/ambient/usage/l7-features).
func layer7Field(policy *AuthorizationPolicy) string {
	for i, rule := range policy.Spec.GetRules() {
		for j, from := range rule.GetFrom() {
			s := from.GetSource()
			if len(s.GetRequestPrincipals())+len(s.GetNotRequestPrincipals())+len(s.GetRemoteIpBlocks())+len(s.GetNotRemoteIpBlocks()) > 0 {
				return fmt.Sprintf("spec.rules[%d].from[%d].source", i, j)
			}
		}
		for j, to := range rule.GetTo() {
			op := to.GetOperation()
			if len(op.GetMethods())+len(op.GetNotMethods())+len(op.GetPaths())+len(op.GetNotPaths())+len(op.GetHosts())+len(op.GetNotHosts()) > 0 {
				return fmt.Sprintf("spec.rules[%d].to[%d].operation", i, j)
			}
		}
		for j, when := range rule.GetWhen() {
			if !slices.Contains([]string{"source.ip", "source.namespace", "source.serviceAccount", "source.principal", "destination.ip", "destination.port"}, when.GetKey()) {
				return fmt.Sprintf("spec.rules[%d].when[%d].key", i, j)
			}
		}
	}
	return ""
}

const (
	labelUseWaypoint      = "istio.io/use-waypoint"
	labelUseWaypointSpace = "istio.io/use-waypoint-namespace"
)

func checkWaypointMissing(w *World, report Report) {
	visit := func(m Meta, ns string) {
		name := m.Labels[labelUseWaypoint]
		ns = cmp.Or(m.Labels[labelUseWaypointSpace], ns)
		if name == "" || name == "none" || w.waypoint(ns, name) || !w.Complete(KindWaypoint, ns) {
			return
		}
		report(Finding{Object: m.Ref, Field: fmt.Sprintf("metadata.labels[%q]", labelUseWaypoint), Message: fmt.Sprintf(
			"%s asks for the waypoint %s in namespace %s, and there is none", titled(m), name, ns)})
	}
	for _, ns := range w.Namespaces {
		visit(ns.Meta, ns.Name)
	}
	for _, s := range w.Services {
		visit(s.Meta, s.Namespace)
	}
	for _, e := range w.ServiceEntries {
		visit(e.Meta, e.Namespace)
	}
}

func (w *World) waypoint(ns, name string) bool {
	return slices.ContainsFunc(In(w.Waypoints, ns), func(g *Waypoint) bool { return g.Name == name })
}

// hasWaypoint says whether traffic to an object of a namespace passes a waypoint, or may: the namespace's labels may not have been read.
func (w *World) hasWaypoint(m Meta) bool {
	if name := m.Labels[labelUseWaypoint]; name != "" {
		return name != "none"
	}
	ns := w.Namespace(m.Namespace)
	if ns == nil {
		return true
	}
	name := ns.Labels[labelUseWaypoint]
	return name != "" && name != "none"
}

func checkOriginationInAmbient(w *World, report Report) {
	for _, rule := range w.DestinationRules {
		client := w.ambientOnly(rule)
		if client == nil {
			continue
		}
		for _, b := range tlsBlocks(rule) {
			target, bare := w.withoutWaypoint(rule)
			if !originates(b.tls) || !bare {
				continue
			}
			report(Finding{Object: rule.Ref, Field: b.field + ".mode", Related: []Ref{target, client.Ref}, Message: fmt.Sprintf(
				"DestinationRule %s originates TLS (%s) to %s, but its clients, like %s, are in ambient mode, and %s %s has no waypoint: nobody follows the rule",
				nameOf(rule.Meta), b.tls.GetMode(), rule.Spec.GetHost(), titled(client.Meta), target.Kind, target.Namespace+"/"+target.Name)})
			break
		}
	}
}

// ambientOnly returns a client of a rule if all that may follow it are in ambient mode: those of its own namespace, and of all for a rule
// that is exported beside its service. nil if another may, or if there is none.
func (w *World) ambientOnly(rule *DestinationRule) *Workload {
	var client *Workload
	everywhere := !privateOnly(rule) && w.onPath(rule)
	for _, o := range w.Workloads {
		if o.Namespace != rule.Namespace && !everywhere {
			continue
		}
		switch o.Membership {
		case InAmbient:
			if client == nil || o.Namespace == rule.Namespace {
				client = o
			}
		case InSidecar, IsGateway, Unclear:
			return nil
		}
	}
	return client
}

// withoutWaypoint returns what a rule's host is, if no waypoint stands before it.
func (w *World) withoutWaypoint(rule *DestinationRule) (Ref, bool) {
	for _, e := range w.EntriesByHost(w.FullHost(rule.Spec.GetHost(), rule.Namespace)) {
		return e.Ref, !w.hasWaypoint(e.Meta)
	}
	if s := w.ServiceByHost(rule.Spec.GetHost(), rule.Namespace); s != nil {
		return s.Ref, !w.hasWaypoint(s.Meta)
	}
	return Ref{}, false
}
