package lint

import (
	"fmt"
	"maps"
	"slices"
)

func peerChecks() []Check {
	return []Check{
		{
			ID: "TLT0301", Name: "peer-policies-at-one-level", Severity: Warning, Topic: TopicPeer,
			Summary: "Several PeerAuthentications without a selector are in one namespace, with different modes.",
			Explain: "There can be one for the mesh and one for each namespace. Of several the oldest counts and the newer ones are ignored " +
				"(istio.io/docs/concepts/security/#selector-field), so that deleting and applying them again changes who is accepted.",
			Fix:   "Keep one of them.",
			Known: []string{"KIA0002"},
			Run:   checkPeerDuplicates,
		},
		{
			ID: "TLT0302", Name: "peer-policies-for-one-workload", Severity: Warning, Topic: TopicPeer,
			Summary: "Several PeerAuthentications select one workload and disagree.",
			Explain: "Of several whose selectors match, the oldest counts as a whole (istio.io/docs/concepts/security/#selector-field): their portLevelMtls are not merged.",
			Fix:     "Merge them, or narrow the selectors.",
			Known:   []string{"KIA0003"},
			Run:     checkPeerOverlap,
		},
		{
			ID: "TLT0303", Name: "port-level-mtls-without-port", Severity: Warning, Topic: TopicPeer,
			Summary: "A key of portLevelMtls is no port of the selected workloads.",
			Explain: "portLevelMtls names ports of the workload, not of its Service (istio.io/docs/reference/config/security/peer_authentication). With the number of the " +
				"Service's port the exception holds for no traffic: the port that is meant keeps the mode of the rest. It is an error if the number is that of " +
				"a Service's port which leads elsewhere; else a port that no manifest declares may exist all the same.",
			Fix:   "Use the targetPort of the Service.",
			Needs: []Kind{KindService},
			Run:   checkPortLevelPorts,
		},
		{
			ID: "TLT0304", Name: "port-level-mtls-without-selector", Severity: Error, Topic: TopicPeer,
			Summary: "portLevelMtls is set in a PeerAuthentication that has no selector.",
			Explain: "Port-level settings apply only with a workload selector (istio.io/docs/reference/config/security/peer_authentication, portLevelMtls). Istio's CRD refuses " +
				"such an object today; where it is in already, the ports are ignored.",
			Fix: "Add a selector, or remove portLevelMtls.",
			Run: checkPortLevelSelector,
		},
		{
			ID: "TLT0305", Name: "peer-selector-matches-nothing", Severity: Warning, Topic: TopicPeer,
			Summary: "The selector of a PeerAuthentication matches no workload.",
			Explain: "The policy has no effect, and the workloads that it is meant for keep the namespace's mode.",
			Fix:     "Compare the selector with the labels of the pods (not of the Deployment).",
			Known:   []string{"KIA0004"},
			Run:     checkPeerSelector,
		},
		{
			ID: "TLT0306", Name: "peer-selector-in-root-namespace", Severity: Warning, Topic: TopicPeer,
			Summary: "A PeerAuthentication with a selector is in the root namespace.",
			Explain: "Such a policy is ignored (istio.io/docs/reference/config/security/peer_authentication, note on the root namespace).",
			Fix:     "Move it to the namespace of the workloads.",
			Run:     checkPeerRootSelector,
		},
	}
}

func checkPeerDuplicates(w *World, report Report) {
	first := map[string]*PeerAuthentication{}
	for _, policy := range oldestFirst(w.PeerAuthentications) {
		if selects(policy) {
			continue
		}
		winner := first[policy.Namespace]
		if winner == nil {
			first[policy.Namespace] = policy
			continue
		}
		if modeOf(winner.Spec.GetMtls()) != modeOf(policy.Spec.GetMtls()) {
			report(Finding{Object: policy.Ref, Field: "spec.mtls.mode", Related: []Ref{winner.Ref}, Message: conflict(winner, policy, "for "+w.levelOf(policy))})
		}
	}
}

// levelOf words what a policy without a selector is for.
func (w *World) levelOf(policy *PeerAuthentication) string {
	if policy.Namespace == w.Mesh.RootNamespace {
		return "the mesh"
	}
	return "namespace " + policy.Namespace
}

// conflict words that one of two policies is ignored, and which, if that can be told.
func conflict(winner, loser *PeerAuthentication, what string) string {
	a, b := spelled(winner), spelled(loser)
	if winsUnknown(&winner.Meta, &loser.Meta) {
		return fmt.Sprintf("PeerAuthentications %s (%s) and %s (%s) are both %s: only the one that is created first will count", nameOf(winner.Meta), a, nameOf(loser.Meta), b, what)
	}
	return fmt.Sprintf("PeerAuthentication %s (%s) is ignored: %s is also %s, is older, and says %s", nameOf(loser.Meta), b, nameOf(winner.Meta), what, a)
}

func spelled(policy *PeerAuthentication) string {
	return string(orElse(modeOf(policy.Spec.GetMtls()), "UNSET"))
}

func checkPeerOverlap(w *World, report Report) {
	peers := NewPeerPolicies(w)
	type pair struct{ winner, loser *PeerAuthentication }
	found := map[pair]*Workload{}
	var order []pair
	for _, o := range w.Workloads {
		var winner *PeerAuthentication
		for _, policy := range peers.selecting[o.Namespace] {
			if !hasLabels(o.PodLabels, policy.Spec.GetSelector().GetMatchLabels()) {
				continue
			}
			if winner == nil {
				winner = policy
				continue
			}
			p := pair{winner, policy}
			if found[p] == nil && !sameModes(winner, policy) {
				found[p] = o
				order = append(order, p)
			}
		}
	}
	for _, p := range order {
		report(Finding{Object: p.loser.Ref, Field: "spec.selector", Related: []Ref{p.winner.Ref, found[p].Ref}, Message: conflict(p.winner, p.loser, "for "+titled(found[p].Meta))})
	}
}

// sameModes says whether it makes no difference which of two policies counts.
func sameModes(a, b *PeerAuthentication) bool {
	return modeOf(a.Spec.GetMtls()) == modeOf(b.Spec.GetMtls()) && maps.EqualFunc(portModes(a), portModes(b), func(x, y Mode) bool { return x == y })
}

func portModes(policy *PeerAuthentication) map[uint32]Mode {
	modes := map[uint32]Mode{}
	for port, mtls := range policy.Spec.GetPortLevelMtls() {
		modes[port] = modeOf(mtls)
	}
	return modes
}

func checkPortLevelPorts(w *World, report Report) {
	for _, policy := range w.PeerAuthentications {
		if !selects(policy) || len(policy.Spec.GetPortLevelMtls()) == 0 || policy.Namespace == w.Mesh.RootNamespace {
			continue
		}
		workloads := w.Selected(policy.Namespace, policy.Spec.GetSelector().GetMatchLabels())
		for _, port := range slices.Sorted(maps.Keys(policy.Spec.GetPortLevelMtls())) {
			w.checkPortLevelPort(policy, port, workloads, report)
		}
	}
}

func (w *World) checkPortLevelPort(policy *PeerAuthentication, port uint32, workloads []*Workload, report Report) {
	for _, o := range workloads {
		known := w.knownPorts(o)
		if len(known) == 0 || slices.Contains(known, port) {
			return
		}
	}
	for _, o := range workloads {
		for _, s := range w.ServicesOf(o) {
			for _, p := range s.Spec.Ports {
				if number, ok := o.servedPort(p); ok && uint32(p.Port) == port {
					report(Finding{Severity: Error, Object: policy.Ref, Field: portField(port), Related: []Ref{s.Ref, o.Ref},
						Fix: fmt.Sprintf("Write %d instead of %d.", number, port), Message: fmt.Sprintf(
							"portLevelMtls has %d, the port of Service %s, but that leads to port %d of %s, which keeps the mode of the other ports",
							port, nameOf(s.Meta), number, titled(o.Meta))})
					return
				}
			}
		}
	}
	if len(workloads) > 0 {
		report(Finding{Object: policy.Ref, Field: portField(port), Related: []Ref{workloads[0].Ref}, Message: fmt.Sprintf(
			"portLevelMtls has %d, but %s declares only %s", port, titled(workloads[0].Meta), numbers(w.knownPorts(workloads[0])))})
	}
}

func numbers(ports []uint32) string {
	var names []string
	for _, p := range ports {
		names = append(names, fmt.Sprint(p))
	}
	return few(names)
}

func checkPortLevelSelector(w *World, report Report) {
	for _, policy := range w.PeerAuthentications {
		if selects(policy) || len(policy.Spec.GetPortLevelMtls()) == 0 {
			continue
		}
		ports := numbers(slices.Sorted(maps.Keys(policy.Spec.GetPortLevelMtls())))
		report(Finding{Object: policy.Ref, Field: "spec.portLevelMtls", Message: fmt.Sprintf(
			"PeerAuthentication %s sets the mode of port %s but has no selector, so it is ignored or refused", nameOf(policy.Meta), ports)})
	}
}

// allWorkloads says whether every workload of a namespace was read.
func (w *World) allWorkloads(ns string) bool {
	for _, kind := range []Kind{KindPod, KindDeployment, KindStatefulSet, KindDaemonSet, KindJob, KindCronJob} {
		if !w.Complete(kind, ns) {
			return false
		}
	}
	return true
}

func checkPeerSelector(w *World, report Report) {
	for _, policy := range w.PeerAuthentications {
		ns := policy.Namespace
		if !selects(policy) || ns == w.Mesh.RootNamespace || !w.allWorkloads(ns) {
			continue
		}
		labels := policy.Spec.GetSelector().GetMatchLabels()
		if len(w.Selected(ns, labels)) > 0 || w.entrySelected(ns, labels) {
			continue
		}
		report(Finding{Object: policy.Ref, Field: "spec.selector.matchLabels", Message: fmt.Sprintf(
			"no workload of namespace %s has the labels %s, so PeerAuthentication %s (%s) has no effect", ns, spellLabels(labels), nameOf(policy.Meta), spelled(policy))})
	}
}

// entrySelected says whether a WorkloadEntry has the labels: machines outside of the cluster follow policies too.
func (w *World) entrySelected(ns string, labels map[string]string) bool {
	return slices.ContainsFunc(In(w.WorkloadEntries, ns), func(e *WorkloadEntry) bool {
		return hasLabels(e.Labels, labels) || hasLabels(e.Spec.GetLabels(), labels)
	})
}

func spellLabels(labels map[string]string) string {
	var items []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		items = append(items, key+"="+labels[key])
	}
	return few(items)
}

func checkPeerRootSelector(w *World, report Report) {
	for _, policy := range w.PeerAuthentications {
		if selects(policy) && policy.Namespace == w.Mesh.RootNamespace {
			report(Finding{Object: policy.Ref, Field: "spec.selector", Message: fmt.Sprintf(
				"PeerAuthentication %s (%s) has a selector but is in the root namespace, where it is ignored", nameOf(policy.Meta), spelled(policy))})
		}
	}
}
