package lint

import (
	"fmt"
	"slices"
)

func injectionChecks() []Check {
	return []Check{
		{
			ID: "TLT0201", Name: "server-outside-under-strict", Severity: Warning, Topic: TopicInjection,
			Summary: "A STRICT policy covers a workload that has no proxy to enforce it.",
			Explain: "A PeerAuthentication is enforced by the server's proxy. Where there is none, clients of the mesh send plaintext (automatic mutual TLS goes by " +
				"what each endpoint can), anybody else may connect too, and the STRICT mode is on paper only. A client that is made to speak mutual TLS fails. " +
				"What the application itself speaks is not known here. It is a warning if the policy is of the workload's own namespace, and else worth knowing only: " +
				"a policy for the mesh is not meant for namespaces that are not in it.",
			Fix:   "Inject the workload, or enroll it in ambient mode; or exempt it by a PeerAuthentication of its own, so that the policy says what happens.",
			Known: []string{"IST0103"},
			Needs: []Kind{KindNamespace, KindPeerAuthentication, KindService},
			Run:   checkServerOutside,
		},
		{
			ID: "TLT0202", Name: "client-outside-the-mesh", Severity: Error, Topic: TopicInjection,
			Summary: "A policy expects an identity of clients that have no certificate to prove it.",
			Explain: "An AuthorizationPolicy allows a service account, so its workloads are meant to call; but all of them run without a sidecar and outside of ambient " +
				"mode. They send plaintext: to a STRICT server the handshake fails, and to a PERMISSIVE one the identity is missing and the request denied.",
			Fix:   "Inject the clients, or enroll them in ambient mode.",
			Needs: []Kind{KindNamespace, KindAuthorizationPolicy},
			Run:   checkClientOutside,
		},
		{
			ID: "TLT0203", Name: "opted-out-among-strict", Severity: Warning, Topic: TopicInjection,
			Summary: "A workload opts out of injection in a namespace whose servers accept only mutual TLS.",
			Explain: "Its namespace is injected and its neighbours are STRICT, but it runs without a proxy (sidecar.istio.io/inject: \"false\", or on the host's network, " +
				"which is never injected). Whatever it sends to those neighbours is plaintext, and they reset it. Whether it calls them is not known here.",
			Fix:   "Let it be injected (with native sidecars a Job ends), or give the servers it calls a port that is PERMISSIVE.",
			Needs: []Kind{KindNamespace, KindPeerAuthentication, KindService},
			Run:   checkOptedOut,
		},
		{
			ID: "TLT0204", Name: "pod-without-its-sidecar", Severity: Warning, Topic: TopicInjection,
			Summary: "A running pod has no sidecar although its workload is injected.",
			Explain: "Injection happens when a pod is made. A pod that is older than the namespace's label, or that was made while the injector could not be reached, has no " +
				"proxy: it sends plaintext, which STRICT servers reset, and a client with a DestinationRule for mutual TLS fails to reach it.",
			Fix:   "Restart the workload: kubectl rollout restart.",
			Known: []string{"IST0103"},
			Needs: []Kind{KindPod},
			Run:   checkPodWithoutSidecar,
		},
	}
}

func checkServerOutside(w *World, report Report) {
	peers := NewPeerPolicies(w)
	for _, o := range w.Workloads {
		services := w.ServicesOf(o)
		if o.Membership != Outside || len(services) == 0 || w.meshItself(o) {
			continue
		}
		policy := peers.Of(o)
		related := refs{}
		var hosts []string
		for _, s := range services {
			for _, p := range s.Spec.Ports {
				if number, ok := o.servedPort(p); ok && policy.Port(number) == Strict {
					hosts = append(hosts, fmt.Sprintf("%s:%d", w.HostOf(s), p.Port))
					related.add(s.Ref)
				}
			}
		}
		if len(hosts) == 0 || policy.By == nil && policy.Selecting == nil {
			continue
		}
		by := policy.By
		if by == nil {
			by = policy.Selecting
		}
		related.add(by.Ref)
		severity := Warning
		if by.Namespace != o.Namespace {
			severity = Info
		}
		report(Finding{Severity: severity, Object: o.Ref, Related: related, Message: fmt.Sprintf(
			"%s serves %s under STRICT (PeerAuthentication %s) but has no proxy (%s): mutual TLS is neither offered nor enforced there",
			titled(o.Meta), few(hosts), nameOf(by.Meta), o.Why)})
	}
}

// meshItself says whether a workload is part of Istio or Kubernetes, which no policy of the mesh is meant for.
func (w *World) meshItself(o *Workload) bool {
	return o.Namespace == w.Mesh.RootNamespace || slices.Contains([]string{"kube-system", "kube-public", "kube-node-lease"}, o.Namespace)
}

func checkClientOutside(w *World, report Report) {
	for _, use := range principalUses(w) {
		if use.denies() {
			continue
		}
		p, ok := parsePrincipal(use.value)
		if !ok {
			continue
		}
		clients := w.workloadsAs(p.namespace, p.serviceAccount)
		if len(clients) == 0 || slices.ContainsFunc(clients, func(o *Workload) bool { return o.Membership != Outside }) {
			continue
		}
		var names []string
		related := refs{use.policy.Ref}
		for _, o := range clients {
			names = append(names, titled(o.Meta))
			related.add(o.Ref)
		}
		report(Finding{Object: clients[0].Ref, Related: related, Message: fmt.Sprintf(
			"AuthorizationPolicy %s (%s) allows %s, but %s, which has that service account, is outside of the mesh (%s) and has no certificate",
			nameOf(use.policy.Meta), use.field, use.value, few(names), clients[0].Why)})
	}
}

// workloadsAs returns the workloads that run as a service account.
func (w *World) workloadsAs(ns, account string) []*Workload {
	var found []*Workload
	for _, o := range In(w.Workloads, ns) {
		if o.ServiceAccount == account {
			found = append(found, o)
		}
	}
	return found
}

func checkOptedOut(w *World, report Report) {
	peers := NewPeerPolicies(w)
	strict := map[string][]*Workload{}
	injected := map[string]bool{}
	for _, o := range w.Workloads {
		if o.Membership != InSidecar {
			continue
		}
		injected[o.Namespace] = true
		if w.strictSomewhere(peers, o) {
			strict[o.Namespace] = append(strict[o.Namespace], o)
		}
	}
	for _, o := range w.Workloads {
		// One that serves under STRICT itself is TLT0201's.
		if o.Membership != Outside || !injected[o.Namespace] || len(strict[o.Namespace]) == 0 || len(w.ServicesOf(o)) > 0 || w.meshItself(o) {
			continue
		}
		field, why := optOut(o)
		if field == "" {
			continue
		}
		related := refs{}
		var names []string
		for _, s := range strict[o.Namespace] {
			names = append(names, titled(s.Meta))
			related.add(s.Ref)
		}
		report(Finding{Object: o.Ref, Field: field, Related: related, Message: fmt.Sprintf(
			"%s runs without a proxy (%s) in an injected namespace where %s accept only mutual TLS: what it sends them is reset",
			titled(o.Meta), why, few(names))})
	}
}

// strictSomewhere says whether a service leads to a port of a workload that accepts only mutual TLS.
func (w *World) strictSomewhere(peers *PeerPolicies, o *Workload) bool {
	for _, s := range w.ServicesOf(o) {
		for _, p := range s.Spec.Ports {
			number, ok := o.servedPort(p)
			if in, known := peers.Inbound(o, number); ok && known && in.Proxied && in.Mode == Strict {
				return true
			}
		}
	}
	return false
}

// optOut says by what a workload has put itself outside, and where; "" if it has not.
func optOut(o *Workload) (field, why string) {
	const inject = "sidecar.istio.io/inject"
	switch {
	case o.Pod != nil && o.Pod.HostNetwork:
		return o.Field("spec.hostNetwork"), "hostNetwork: true"
	case o.PodLabels[inject] == "false":
		return o.Field(fmt.Sprintf("metadata.labels[%q]", inject)), "label " + inject + ": \"false\""
	case o.PodLabels[inject] == "" && o.PodAnnotations[inject] == "false":
		return annotationField(o, inject), "annotation " + inject + ": \"false\""
	}
	return "", ""
}

func checkPodWithoutSidecar(w *World, report Report) {
	for _, o := range w.Workloads {
		if o.Expected != InSidecar {
			continue
		}
		for _, pod := range o.Pods {
			if pod.Created.IsZero() || pod.Proxy != nil || pod.Name == o.Name {
				continue
			}
			report(Finding{Object: pod.Ref, Related: []Ref{o.Ref}, Message: fmt.Sprintf(
				"Pod %s of %s has no %s container, although its workload is to be injected: it was made before that held, or without the injector", nameOf(pod.Meta), titled(o.Meta), proxyName)})
		}
	}
}
