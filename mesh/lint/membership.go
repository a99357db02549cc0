package lint

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The labels and annotations that decide who is in the mesh (istio.io/docs/reference/config/labels and .../annotations).
const (
	labelInjection  = "istio-injection"
	labelRevision   = "istio.io/rev"
	labelInject     = "sidecar.istio.io/inject" // a label; an annotation in old manifests
	labelDataplane  = "istio.io/dataplane-mode"
	labelGateway    = "gateway.networking.k8s.io/gateway-name"
	labelManaged    = "gateway.istio.io/managed"
	annotTemplates  = "inject.istio.io/templates"
	annotStatus     = "sidecar.istio.io/status"      // on pods that were injected
	annotRedirected = "ambient.istio.io/redirection" // on pods that ztunnel serves
	labelApp        = "app"
	ambient         = "ambient"
)

// membership is a decision and what it rests on.
type membership struct {
	is       Membership
	why      string
	revision string
}

// join decides how a workload takes part in the mesh: what its live pods show, unless files change what decides; else what injection
// and the ambient agent would do.
func (w *World) join(o *Workload) {
	ns := w.Namespace(o.Namespace)
	expected := w.expected(o, ns)
	o.Expected, o.Revision = expected.is, expected.revision
	is := expected
	if seen, ok := seenIn(o); ok && !o.Overlaid && (ns == nil || !ns.Overlaid) {
		is = seen
	}
	o.Membership, o.Why = is.is, is.why
	for _, p := range o.Pods {
		if o.Proxy == nil {
			o.Proxy = p.Proxy
		}
	}
}

// seenIn is what the live pods are. Pods that differ are being replaced, or will be: the newest counts.
func seenIn(o *Workload) (membership, bool) {
	var newest *Pod
	for _, p := range o.Pods {
		if !p.Created.IsZero() && (newest == nil || p.Created.After(newest.Created)) {
			newest = p
		}
	}
	if newest == nil {
		return membership{}, false
	}
	by := "pod " + newest.Name
	switch {
	case isGateway(newest.Labels, newest.Annotations, newest.Proxy):
		return membership{is: IsGateway, why: by + " is a gateway of the mesh"}, true
	case newest.Annotations[annotStatus] != "" || newest.Proxy != nil:
		return membership{is: InSidecar, why: by + " has a sidecar"}, true
	case newest.Annotations[annotRedirected] == "enabled":
		return membership{is: InAmbient, why: by + " is redirected to ztunnel"}, true
	}
	return membership{is: Outside, why: by + " has no sidecar, and ztunnel does not serve it"}, true
}

// isGateway recognises a proxy that stands alone: by the template that injects it, the Gateway that made it, or its arguments.
func isGateway(labels, annotations map[string]string, proxy *corev1.Container) bool {
	if slices.Contains(strings.Split(annotations[annotTemplates], ","), "gateway") || labels[labelManaged] != "" || labels[labelGateway] != "" {
		return true
	}
	return proxy != nil && len(proxy.Args) > 1 && proxy.Args[0] == "proxy" && (proxy.Args[1] == "router" || proxy.Args[1] == "waypoint")
}
