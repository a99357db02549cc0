package lint

import (
	"maps"
	"slices"
	"strings"
	"time"

	"istio.io/api/networking/v1alpha3"
)

// maxSecrets bounds how many Secrets are looked up in one namespace.
const maxSecrets = 1_000

// names are the names of Secrets by namespace.
type names map[string]map[string]bool

func (n names) add(namespace, name string) {
	if name == "" || strings.Contains(name, "://") {
		return // kubernetes://, configmap:// and builtin:// are no Secrets of the proxy's own namespace
	}
	if n[namespace] == nil {
		n[namespace] = map[string]bool{}
	}
	n[namespace][name] = true
}

// wantedSecrets lists the Secrets that objects name, by namespace: those of gateways and rules are read by the proxy in its own
// namespace (istio.io/docs/reference/config/networking/gateway, credentialName), so that each is looked for there and beside the object;
// also those of the CA.
func wantedSecrets(s *Set, root string) map[string][]string {
	w := Build(Options{Now: time.Now(), RootNamespace: root}, s)
	n := names{}
	n.add(root, "cacerts")
	n.add(root, "istio-ca-secret")
	for _, g := range w.Gateways {
		for _, name := range credentials(g) {
			n.add(g.Namespace, name)
			for _, o := range w.Workloads {
				if len(g.Spec.GetSelector()) > 0 && hasLabels(o.PodLabels, g.Spec.GetSelector()) {
					n.add(o.Namespace, name)
				}
			}
		}
	}
	for _, r := range w.DestinationRules {
		for _, tls := range ruleTLS(r) {
			n.add(r.Namespace, tls.GetCredentialName())
		}
	}
	for _, p := range w.Waypoints {
		for _, l := range p.Spec.Listeners {
			for _, name := range l.Certificates {
				namespace, bare, qualified := strings.Cut(name, "/")
				if !qualified {
					namespace, bare = p.Namespace, name
				}
				n.add(namespace, bare)
			}
		}
	}
	return n.lists()
}

func (n names) lists() map[string][]string {
	out := map[string][]string{}
	for namespace, all := range n {
		sorted := slices.Sorted(maps.Keys(all))
		out[namespace] = sorted[:min(len(sorted), maxSecrets)]
	}
	return out
}

// credentials are the Secrets that a Gateway's servers name; that with the CA of the clients may be one of its own, with the suffix -cacert.
func credentials(g *Gateway) []string {
	var all []string
	for _, server := range g.Spec.GetServers() {
		tls := server.GetTls()
		for _, name := range append([]string{tls.GetCredentialName(), tls.GetCaCertCredentialName()}, tls.GetCredentialNames()...) {
			if name != "" {
				all = append(all, name, name+"-cacert")
			}
		}
	}
	return all
}

// ruleTLS are all settings of TLS in a rule.
func ruleTLS(r *DestinationRule) []*v1alpha3.ClientTLSSettings {
	policies := []*v1alpha3.TrafficPolicy{r.Spec.GetTrafficPolicy()}
	for _, subset := range r.Spec.GetSubsets() {
		policies = append(policies, subset.GetTrafficPolicy())
	}
	var all []*v1alpha3.ClientTLSSettings
	for _, p := range policies {
		all = append(all, p.GetTls())
		for _, port := range p.GetPortLevelSettings() {
			all = append(all, port.GetTls())
		}
	}
	return all
}
