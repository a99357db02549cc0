package lint

import (
	"fmt"
	"strings"
	"testing"
)

const (
	docLookup = "istio.io/docs/ops/best-practices/traffic-management/#cross-namespace-configuration"
	docMerge  = "istio.io/docs/ops/best-practices/traffic-management/#split-virtual-services"
	docRule   = "istio.io/docs/reference/config/networking/destination-rule"
	srcRule   = "istio/istio pilot/pkg/model/push_context.go, destinationRule"
	srcHosts  = "istio/istio pkg/config/host/names.go, MoreSpecific"
)

// ruleYAML writes a DestinationRule; rest is the flow-style remainder of its spec.
func ruleYAML(name, created, host, rest string) string {
	ns, name, _ := strings.Cut(name, "/")
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: %s%s}\nspec: {host: %q, %s}\n", name, ns, createdYAML(created), host, rest)
}

func mode(name string) string { return "trafficPolicy: {tls: {mode: " + name + "}}" }

// TestRulePrecedence holds the choice of a DestinationRule to Istio's rules: which client of namespace web follows which one to port 8080 of
// payments.shop.svc.cluster.local.
func TestRulePrecedence(t *testing.T) {
	const host = "payments.shop.svc.cluster.local"
	const port = "trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 8080}, tls: {mode: DISABLE}}]}"
	for _, row := range []struct {
		name, rule string
		client     Client
		subset     string
		rules      []string
		want       string // NAME MODE, "auto" if none has TLS
	}{
		{"none", docLookup, Client{Namespace: "web"}, "", nil, "auto"},
		{"the client's namespace first", docLookup, Client{Namespace: "web"}, "", []string{
			ruleYAML("shop/own", march, host, mode("DISABLE")), ruleYAML("web/mine", april, host, mode("SIMPLE")), ruleYAML("istio-system/all", march, "*", mode("MUTUAL")),
		}, "mine SIMPLE"},
		{"then the service's", docLookup, Client{Namespace: "web"}, "", []string{
			ruleYAML("shop/own", "", "payments", mode("DISABLE")), ruleYAML("istio-system/all", "", host, mode("MUTUAL")),
		}, "own DISABLE"},
		{"then the root namespace", docLookup, Client{Namespace: "web"}, "", []string{ruleYAML("istio-system/all", "", "*.local", mode("MUTUAL"))}, "all MUTUAL"},
		{"a third namespace never", docLookup + ": ns2", Client{Namespace: "web"}, "", []string{ruleYAML("lab/theirs", "", host, mode("DISABLE"))}, "auto"},
		{"a wildcard of the client's namespace is preferred to the service's exact rule", docLookup, Client{Namespace: "web"}, "", []string{
			ruleYAML("shop/own", "", host, mode("DISABLE")), ruleYAML("web/any", "", "*.svc.cluster.local", mode("ISTIO_MUTUAL")),
		}, "any ISTIO_MUTUAL"},
		{"rules of two namespaces are not merged", docLookup, Client{Namespace: "web"}, "", []string{
			ruleYAML("shop/own", "", host, mode("DISABLE")), ruleYAML("web/mine", "", host, "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}"),
		}, "auto"},
		{"a short name is of the rule's namespace", docRule + ", host", Client{Namespace: "web"}, "", []string{ruleYAML("web/mine", "", "payments", mode("DISABLE"))}, "auto"},
		{"a name with a dot is taken as it is", docRule + ", host", Client{Namespace: "web"}, "", []string{ruleYAML("web/mine", "", "payments.shop", mode("DISABLE"))}, "auto"},
		{"the most specific host", srcHosts, Client{Namespace: "web"}, "", []string{
			ruleYAML("web/a", march, "*.cluster.local", mode("DISABLE")), ruleYAML("web/b", april, "*.shop.svc.cluster.local", mode("SIMPLE")), ruleYAML("web/c", march, "*", mode("MUTUAL")),
		}, "b SIMPLE"},
		{"private to its namespace", docRule + ", exportTo", Client{Namespace: "web"}, "", []string{ruleYAML("shop/own", "", host, `exportTo: ["."], `+mode("DISABLE"))}, "auto"},
		{"private, for its own", docRule + ", exportTo", Client{Namespace: "shop"}, "", []string{ruleYAML("shop/own", "", host, `exportTo: ["."], `+mode("DISABLE"))}, "own DISABLE"},
		{"exported by name", docRule + ", exportTo", Client{Namespace: "web"}, "", []string{ruleYAML("shop/own", "", host, `exportTo: ["web"], `+mode("DISABLE"))}, "own DISABLE"},
		{"exported by name to another", docRule + ", exportTo", Client{Namespace: "web"}, "", []string{ruleYAML("shop/own", "", host, `exportTo: ["lab"], `+mode("DISABLE"))}, "auto"},
		{"in the client's namespace, exported only elsewhere", docRule + ", exportTo", Client{Namespace: "web"}, "", []string{ruleYAML("web/mine", "", host, `exportTo: ["lab"], `+mode("DISABLE"))}, "auto"},
		{"a client in the root namespace takes the service's rule first", srcRule, Client{Namespace: "istio-system"}, "", []string{
			ruleYAML("istio-system/all", "", "*.local", mode("MUTUAL")), ruleYAML("shop/own", "", host, mode("DISABLE")),
		}, "own DISABLE"},
		{"unless the root namespace's is private", srcRule, Client{Namespace: "istio-system"}, "", []string{
			ruleYAML("istio-system/all", "", "*.local", `exportTo: ["."], `+mode("MUTUAL")), ruleYAML("shop/own", "", host, mode("DISABLE")),
		}, "all MUTUAL"},
		{"a workloadSelector that matches", docRule + ", workloadSelector", Client{"web", map[string]string{"app": "front"}}, "", []string{
			ruleYAML("web/plain", march, host, mode("DISABLE")), ruleYAML("web/some", april, host, "workloadSelector: {matchLabels: {app: front}}, "+mode("SIMPLE")),
		}, "some SIMPLE"},
		{"a workloadSelector that does not", docRule + ", workloadSelector", Client{"web", map[string]string{"app": "back"}}, "", []string{
			ruleYAML("web/plain", march, host, mode("DISABLE")), ruleYAML("web/some", april, host, "workloadSelector: {matchLabels: {app: front}}, "+mode("SIMPLE")),
		}, "plain DISABLE"},
		{"a workloadSelector is not exported", docRule + ", workloadSelector", Client{"web", map[string]string{"app": "front"}}, "", []string{
			ruleYAML("shop/some", "", host, "workloadSelector: {matchLabels: {app: front}}, "+mode("SIMPLE")),
		}, "auto"},
		{"of two for one host the oldest trafficPolicy", docMerge, Client{Namespace: "web"}, "", []string{
			ruleYAML("web/a", april, host, mode("DISABLE")), ruleYAML("web/z", march, host, mode("SIMPLE")),
		}, "z SIMPLE"},
		{"the oldest trafficPolicy, though it has no tls", docMerge, Client{Namespace: "web"}, "", []string{
			ruleYAML("web/a", april, host, mode("DISABLE")), ruleYAML("web/z", march, host, "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}"),
		}, "auto"},
		{"subsets of both", docMerge, Client{Namespace: "web"}, "v2", []string{
			ruleYAML("web/z", march, host, mode("DISABLE")), ruleYAML("web/a", april, host, "subsets: [{name: v2, labels: {version: v2}, "+mode("SIMPLE")+"}]"),
		}, "a SIMPLE"},
		{"a subset of one name twice: the oldest", docMerge, Client{Namespace: "web"}, "v2", []string{
			ruleYAML("web/z", march, host, "subsets: [{name: v2, "+mode("DISABLE")+"}]"), ruleYAML("web/a", april, host, "subsets: [{name: v2, "+mode("SIMPLE")+"}]"),
		}, "z DISABLE"},
		{"a port over the destination", docRule + "/#TrafficPolicy, portLevelSettings", Client{Namespace: "web"}, "", []string{ruleYAML("web/a", "", host, port)}, "a DISABLE"},
		{"a port without tls inherits none", docRule + "/#TrafficPolicy, portLevelSettings", Client{Namespace: "web"}, "", []string{
			ruleYAML("web/a", "", host, "trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 8080}, loadBalancer: {simple: RANDOM}}]}"),
		}, "auto"},
		{"another port's setting", docRule + "/#TrafficPolicy, portLevelSettings", Client{Namespace: "web"}, "", []string{
			ruleYAML("web/a", "", host, "trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 9090}, tls: {mode: DISABLE}}]}"),
		}, "a SIMPLE"},
		{"a subset over the destination", docRule + "/#Subset", Client{Namespace: "web"}, "v2", []string{ruleYAML("web/a", "", host, mode("SIMPLE")+", subsets: [{name: v2, "+mode("DISABLE")+"}]")}, "a DISABLE"},
		{"a subset without tls inherits the destination's", docRule + "/#Subset", Client{Namespace: "web"}, "v2", []string{ruleYAML("web/a", "", host, mode("SIMPLE")+", subsets: [{name: v2}]")}, "a SIMPLE"},
		{"a subset without tls inherits the port's", docRule + "/#Subset", Client{Namespace: "web"}, "v2", []string{ruleYAML("web/a", "", host, port+", subsets: [{name: v2}]")}, "a DISABLE"},
		{"a subset's port without tls inherits none", docRule + "/#TrafficPolicy, portLevelSettings", Client{Namespace: "web"}, "v2", []string{
			ruleYAML("web/a", "", host, mode("SIMPLE")+", subsets: [{name: v2, trafficPolicy: {portLevelSettings: [{port: {number: 8080}, loadBalancer: {simple: RANDOM}}]}}]"),
		}, "auto"},
		{"a subset's port over everything", docRule + "/#Subset", Client{Namespace: "web"}, "v2", []string{
			ruleYAML("web/a", "", host, port+", subsets: [{name: v2, trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 8080}, tls: {mode: ISTIO_MUTUAL}}]}}]"),
		}, "a ISTIO_MUTUAL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			tls := NewRules(worldOf(t, row.rules...)).For(row.client, host, "shop").TLS(8080, row.subset)
			got := "auto"
			if tls.Settings != nil {
				got = tls.Rule.Name + " " + tls.Settings.GetMode().String()
			}
			if got != row.want {
				t.Errorf("got %s, want %s (%s)", got, row.want, row.rule)
			}
		})
	}
}
