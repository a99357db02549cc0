package main

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tlstrace/tlstrace/event"
)

// proxyContainer is the container of Istio's proxies: the sidecar that is injected, gateways, waypoints, and ztunnel
// (istio/manifests/charts).
const proxyContainer = "istio-proxy"

// podName names a pod.
type podName struct{ namespace, name string }

// valid says that both names are Kubernetes' (RFC 1123), so that they have no slash and are no "..".
func (p podName) valid() bool {
	return len(validation.IsDNS1123Label(p.namespace)) == 0 && len(validation.IsDNS1123Subdomain(p.name)) == 0
}

func (p podName) String() string { return p.namespace + "/" + p.name }

// wantsReason says that a failure was seen without its reason: nothing but who ended it, or what was refused and not why. Where a
// library was heard, and where the reason is another one, verdict.Complete would leave the event as it is.
func wantsReason(e event.Event) bool {
	if e.Outcome != event.Failed || e.Library != nil {
		return false
	}
	switch e.Verdict.Reason {
	case event.NegotiationFailed, event.BadCertificate, event.ClientCertificateRejected, event.ServerCertificateRejected:
		return true
	}
	return e.Verdict.Reason.Layer() == event.LayerPeer
}

// proxiesOf names the pods of this node whose proxies may know why e failed; none if that is not asked.
func proxiesOf(e event.Event, node string) []podName {
	if !wantsReason(e) {
		return nil
	}
	var pods []podName
	for _, k := range []*event.K8s{e.Client.K8s, e.Server.K8s} {
		if k == nil || k.Node != node || !k.Sidecar && k.Container != proxyContainer {
			continue
		}
		if pod := (podName{k.Namespace, k.Pod}); pod.valid() && !slices.Contains(pods, pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// withSource adds to the hint where the words of the library come from.
func withSource(e event.Event, pod podName) event.Event {
	e.Verdict.Hint = strings.TrimLeft(e.Verdict.Hint+" What the library said is from the log of the proxy in "+pod.String()+".", " ")
	return e
}
