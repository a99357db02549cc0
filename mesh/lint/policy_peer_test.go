package lint

import (
	"fmt"
	"strings"
	"testing"
)

// Where the rules are documented.
const (
	docConcepts = "istio.io/docs/concepts/security/#authentication-policies"
	docPeer     = "istio.io/docs/reference/config/security/peer_authentication"
	docAmbient  = "istio.io/docs/ambient/usage/l4-policy/#peer-authentication"
	srcAmbient  = "istio/istio pilot/pkg/serviceregistry/ambient/authorization.go, convertedSelectorPeerAuthentications"
	srcOrder    = "istio/istio pilot/pkg/model/config.go, configCompareByCreationTime"
)

// peerYAML writes a PeerAuthentication. spec is in flow style: {mtls: {mode: STRICT}}.
func peerYAML(name, created, spec string) string {
	ns, name, _ := strings.Cut(name, "/")
	return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: %s, namespace: %s%s}\nspec: %s\n", name, ns, createdYAML(created), spec)
}

func createdYAML(created string) string {
	if created == "" {
		return ""
	}
	return `, creationTimestamp: "` + created + `"`
}

func worldOf(t *testing.T, objects ...string) *World {
	t.Helper()
	files := Files{Stdin: strings.NewReader(strings.Join(objects, "---\n"))}
	set, err := files.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	return Build(Options{Now: checkedAt()}, set)
}

const (
	march = "2026-03-01T00:00:00Z"
	april = "2026-04-01T00:00:00Z"
)

// TestPeerPrecedence holds effective mTLS to Istio's rules. The workload is in namespace shop, has the label app=payments and serves 8080
// and 9090.
func TestPeerPrecedence(t *testing.T) {
	const selector = "selector: {matchLabels: {app: payments}}"
	for _, row := range []struct {
		name, rule string
		membership Membership
		policies   []string
		want8080   Mode
		want9090   Mode
	}{
		{"no policy", docPeer + ", UNSET: otherwise treated as PERMISSIVE", InSidecar, nil, Permissive, Permissive},
		{"mesh", docConcepts + ": mesh-wide", InSidecar, []string{peerYAML("istio-system/default", "", "{mtls: {mode: STRICT}}")}, Strict, Strict},
		{"mesh unset", docConcepts + ": mesh-wide policies with an unset mode use PERMISSIVE", InSidecar, []string{peerYAML("istio-system/default", "", "{}")}, Permissive, Permissive},
		{"namespace over mesh", docConcepts + ": the narrowest matching policy", InSidecar, []string{
			peerYAML("istio-system/default", march, "{mtls: {mode: STRICT}}"), peerYAML("shop/default", april, "{mtls: {mode: DISABLE}}"),
		}, Disable, Disable},
		{"namespace unset inherits from the mesh", docConcepts + ": when the mode is unset, the parent's is inherited", InSidecar, []string{
			peerYAML("istio-system/default", "", "{mtls: {mode: STRICT}}"), peerYAML("shop/default", "", "{mtls: {mode: UNSET}}"),
		}, Strict, Strict},
		{"another namespace's policy", docConcepts + ": only to workloads within their namespace", InSidecar, []string{peerYAML("lab/default", "", "{mtls: {mode: STRICT}}")}, Permissive, Permissive},
		{"workload over namespace", docConcepts + ": the narrowest matching policy", InSidecar, []string{
			peerYAML("shop/default", "", "{mtls: {mode: STRICT}}"), peerYAML("shop/pay", "", "{"+selector+", mtls: {mode: PERMISSIVE}}"),
		}, Permissive, Permissive},
		{"workload unset inherits from the namespace", docPeer + ", fourth example", InSidecar, []string{
			peerYAML("shop/default", "", "{mtls: {mode: STRICT}}"), peerYAML("shop/pay", "", "{"+selector+", portLevelMtls: {8080: {mode: DISABLE}}}"),
		}, Disable, Strict},
		{"port over workload", docPeer + ", third example", InSidecar, []string{
			peerYAML("shop/pay", "", "{"+selector+", mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"),
		}, Disable, Strict},
		{"port unset inherits from the workload", docPeer + ", MutualTLS.Mode UNSET", InSidecar, []string{
			peerYAML("shop/default", "", "{mtls: {mode: DISABLE}}"), peerYAML("shop/pay", "", "{"+selector+", mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: UNSET}}}"),
		}, Strict, Strict},
		{"port without a selector", docPeer + ", portLevelMtls: only apply when a workload selector is specified", InSidecar, []string{
			peerYAML("shop/default", "", "{mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"),
		}, Strict, Strict},
		{"an empty selector is none", docConcepts + ": without or with an empty selector field", InSidecar, []string{
			peerYAML("shop/default", "", "{selector: {matchLabels: {}}, mtls: {mode: STRICT}}"),
		}, Strict, Strict},
		{"a selector that does not match", docConcepts + ", selector field", InSidecar, []string{
			peerYAML("shop/other", "", "{selector: {matchLabels: {app: payments, version: v2}}, mtls: {mode: STRICT}}"),
		}, Permissive, Permissive},
		{"a selector in the root namespace", docPeer + ": ignored when deployed in the root namespace", InSidecar, []string{
			peerYAML("istio-system/pay", "", "{"+selector+", mtls: {mode: STRICT}}"),
		}, Permissive, Permissive},
		{"two for the namespace: the oldest", docConcepts + ": Istio ignores the newer policies", InSidecar, []string{
			peerYAML("shop/a", april, "{mtls: {mode: DISABLE}}"), peerYAML("shop/z", march, "{mtls: {mode: STRICT}}"),
		}, Strict, Strict},
		{"two for the mesh: the oldest", docConcepts + ": Istio ignores the newer policies", InSidecar, []string{
			peerYAML("istio-system/a", april, "{mtls: {mode: DISABLE}}"), peerYAML("istio-system/z", march, "{mtls: {mode: STRICT}}"),
		}, Strict, Strict},
		{"two for the workload: the oldest, as a whole", docConcepts + ": Istio picks the oldest one", InSidecar, []string{
			peerYAML("shop/a", april, "{"+selector+", mtls: {mode: DISABLE}, portLevelMtls: {8080: {mode: DISABLE}}}"), peerYAML("shop/z", march, "{"+selector+", mtls: {mode: STRICT}}"),
		}, Strict, Strict},
		{"the oldest is unset: the newer is ignored all the same", docConcepts + ": Istio ignores the newer policies", InSidecar, []string{
			peerYAML("shop/a", april, "{mtls: {mode: STRICT}}"), peerYAML("shop/z", march, "{}"),
		}, Permissive, Permissive},
		{"of one age: by name", srcOrder, InSidecar, []string{
			peerYAML("shop/b", march, "{mtls: {mode: STRICT}}"), peerYAML("shop/a", march, "{mtls: {mode: DISABLE}}"),
		}, Disable, Disable},
		{"ambient: DISABLE is not enforced", docAmbient, InAmbient, []string{peerYAML("shop/default", "", "{mtls: {mode: DISABLE}}")}, Permissive, Permissive},
		{"ambient: STRICT", docAmbient, InAmbient, []string{peerYAML("istio-system/default", "", "{mtls: {mode: STRICT}}")}, Strict, Strict},
		{"ambient: a port of a STRICT workload", srcAmbient, InAmbient, []string{
			peerYAML("shop/pay", "", "{"+selector+", mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"),
		}, Permissive, Strict},
		{"ambient: DISABLE is no exception from a STRICT that is inherited", srcAmbient, InAmbient, []string{
			peerYAML("shop/default", "", "{mtls: {mode: STRICT}}"), peerYAML("shop/pay", "", "{"+selector+", portLevelMtls: {8080: {mode: DISABLE}}}"),
		}, Strict, Strict},
		{"ambient: PERMISSIVE is one, and lets DISABLE be one too", srcAmbient, InAmbient, []string{
			peerYAML("shop/default", "", "{mtls: {mode: STRICT}}"), peerYAML("shop/pay", "", "{"+selector+", portLevelMtls: {8080: {mode: DISABLE}, 9090: {mode: PERMISSIVE}}}"),
		}, Permissive, Permissive},
		{"ambient: a STRICT port of a PERMISSIVE workload", srcAmbient, InAmbient, []string{
			peerYAML("shop/pay", "", "{"+selector+", mtls: {mode: PERMISSIVE}, portLevelMtls: {8080: {mode: STRICT}}}"),
		}, Strict, Permissive},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := worldOf(t, row.policies...)
			o := &Workload{Meta: Meta{Ref: Ref{Namespace: "shop", Name: "payments"}}, PodLabels: map[string]string{"app": "payments"}, Membership: row.membership}
			found := NewPeerPolicies(w).Of(o)
			if found.Port(8080) != row.want8080 || found.Port(9090) != row.want9090 {
				t.Errorf("8080 is %s and 9090 %s, want %s and %s (%s)", found.Port(8080), found.Port(9090), row.want8080, row.want9090, row.rule)
			}
		})
	}
}

// TestPeerInRootNamespace: a selector in the root namespace is ignored for workloads there too.
func TestPeerInRootNamespace(t *testing.T) {
	w := worldOf(t, peerYAML("istio-system/gw", "", "{selector: {matchLabels: {app: payments}}, mtls: {mode: STRICT}}"))
	o := &Workload{Meta: Meta{Ref: Ref{Namespace: "istio-system", Name: "payments"}}, PodLabels: map[string]string{"app": "payments"}, Membership: InSidecar}
	if got := NewPeerPolicies(w).Of(o).Port(8080); got != Permissive {
		t.Errorf("got %s (%s)", got, docPeer)
	}
}

// TestPeerSource: a mode names the policy and the field that it is from.
func TestPeerSource(t *testing.T) {
	w := worldOf(t,
		peerYAML("istio-system/default", "", "{mtls: {mode: STRICT}}"),
		peerYAML("shop/pay", "", "{selector: {matchLabels: {app: payments}}, portLevelMtls: {8080: {mode: DISABLE}, 7070: {mode: UNSET}}}"))
	o := &Workload{Meta: Meta{Ref: Ref{Namespace: "shop", Name: "payments"}}, PodLabels: map[string]string{"app": "payments"}, Membership: InSidecar}
	found := NewPeerPolicies(w).Of(o)
	for port, want := range map[uint32]string{
		8080: `PeerAuthentication shop/pay (spec.portLevelMtls["8080"].mode)`,
		7070: "PeerAuthentication istio-system/default (spec.mtls.mode)",
		9090: "PeerAuthentication istio-system/default (spec.mtls.mode)",
	} {
		if got := found.Source(port); got != want {
			t.Errorf("%d is from %s, want %s", port, got, want)
		}
	}
	if got := NewPeerPolicies(worldOf(t)).Of(o).Source(8080); got != "Istio's default" {
		t.Errorf("without a policy it is from %s", got)
	}
}

// TestInbound: what a client meets at a port goes by the proxy in front of it.
func TestInbound(t *testing.T) {
	w := worldOf(t, peerYAML("shop/default", "", "{mtls: {mode: STRICT}}"))
	for _, row := range []struct {
		name        string
		membership  Membership
		annotations map[string]string
		want        Inbound
		known       bool
	}{
		{"sidecar", InSidecar, nil, Inbound{Proxied: true, Mode: Strict}, true},
		{"ambient", InAmbient, nil, Inbound{Proxied: true, Mode: Strict}, true},
		{"outside", Outside, nil, Inbound{}, true},
		{"gateway", IsGateway, nil, Inbound{}, false},
		{"unclear", Unclear, nil, Inbound{}, false},
		{"excluded", InSidecar, map[string]string{excludeInbound: "9090, 8080"}, Inbound{Bypass: excludeInbound}, true},
		{"another port excluded", InSidecar, map[string]string{excludeInbound: "9090"}, Inbound{Proxied: true, Mode: Strict}, true},
		{"not included", InSidecar, map[string]string{includeInbound: "9090"}, Inbound{Bypass: includeInbound}, true},
		{"nothing included", InSidecar, map[string]string{includeInbound: ""}, Inbound{Bypass: includeInbound}, true},
		{"all included", InSidecar, map[string]string{includeInbound: "*"}, Inbound{Proxied: true, Mode: Strict}, true},
		{"excluded although a list is included: the exclusion does not count", InSidecar, map[string]string{includeInbound: "8080", excludeInbound: "8080"}, Inbound{Proxied: true, Mode: Strict}, true},
		{"all included and this one excluded", InSidecar, map[string]string{includeInbound: "*", excludeInbound: "8080"}, Inbound{Bypass: excludeInbound}, true},
		{"not a list of ports", InSidecar, map[string]string{excludeInbound: "8080,http"}, Inbound{Proxied: true, Mode: Strict}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := &Workload{Meta: Meta{Ref: Ref{Namespace: "shop", Name: "payments"}}, PodAnnotations: row.annotations, Membership: row.membership}
			got, known := NewPeerPolicies(w).Inbound(o, 8080)
			if got.Proxied != row.want.Proxied || got.Mode != row.want.Mode || got.Bypass != row.want.Bypass || known != row.known {
				t.Errorf("got %+v, %t", got, known)
			}
		})
	}
}

// TestUnsettled: which of two policies counts is not guessed while neither is live.
func TestUnsettled(t *testing.T) {
	const selector = "{selector: {matchLabels: {app: payments}}, mtls: "
	strict, off := "{mtls: {mode: STRICT}}", "{mtls: {mode: DISABLE}}"
	for _, row := range []struct {
		name     string
		policies []string
		want     bool
	}{
		{"two of a namespace, not live", []string{peerYAML("shop/a", "", strict), peerYAML("shop/b", "", off)}, true},
		{"one is live, and older for it", []string{peerYAML("shop/a", "", strict), peerYAML("shop/b", march, off)}, false},
		{"they agree", []string{peerYAML("shop/a", "", strict), peerYAML("shop/b", "", strict)}, false},
		{"two of the mesh, and one of the namespace that settles it", []string{
			peerYAML("istio-system/a", "", strict), peerYAML("istio-system/b", "", off), peerYAML("shop/a", "", strict),
		}, false},
		{"two of the mesh, and one of the namespace that leaves the mode unset", []string{
			peerYAML("istio-system/a", "", strict), peerYAML("istio-system/b", "", off), peerYAML("shop/a", "", "{}"),
		}, true},
		{"two selectors", []string{peerYAML("shop/a", "", selector+"{mode: STRICT}}"), peerYAML("shop/b", "", selector+"{mode: DISABLE}}")}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := &Workload{Meta: Meta{Ref: Ref{Namespace: "shop", Name: "payments"}}, PodLabels: map[string]string{"app": "payments"}, Membership: InSidecar}
			policies := NewPeerPolicies(worldOf(t, row.policies...))
			if got := policies.Of(o).Unsettled; got != row.want {
				t.Errorf("unsettled is %t", got)
			}
			if _, known := policies.Inbound(o, 8080); known == row.want {
				t.Errorf("what a client meets is known: %t", known)
			}
		})
	}
}
