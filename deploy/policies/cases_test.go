package policies

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// testCase is an object and what its policy says about it.
type testCase struct {
	name   string // says what is special about it
	object *unstructured.Unstructured
	want   string // the message of the refusal; empty if it is accepted
}

// parameters are what the ConfigMap says in the tests; the rest is as it is shipped. The namespaces: shop has no entry of its
// own and is STRICT, as is bank by its entry; legacy and kube-system are not.
var parameters = map[string]string{
	"proxyVersions": "1.27.1, 1.28.0\nsha256:" + strings.Repeat("ab", 32),
	"modes.legacy":  "STRICT PERMISSIVE",
	"modes.bank":    " STRICT ",
}

const (
	unpinned   = "the image of an Istio proxy is not pinned: %s; name a full version such as :1.27.1, or a digest"
	unexpected = "the image of an Istio proxy has an unexpected version: %s; expected 1.27.1 or 1.28.0 or sha256:" +
		"abababababababababababababababababababababababababababababababab (key proxyVersions of ConfigMap istio-system/tlstrace-mtls)"
	notAllowed = "mTLS mode %s is not allowed in namespace %s, which allows %s (key modes.%s or defaultModes of ConfigMap istio-system/tlstrace-mtls)"
	forMesh    = "mTLS mode %s is not allowed for the mesh, which allows STRICT (key defaultModes of ConfigMap istio-system/tlstrace-mtls)"
	toStrict   = "TLS mode %s to %s, whose namespace %s is STRICT; use ISTIO_MUTUAL or leave tls out (ConfigMap istio-system/tlstrace-mtls says what is STRICT)"
	toSeveral  = "TLS mode %s to %s, which covers a STRICT namespace; use ISTIO_MUTUAL or leave tls out (ConfigMap istio-system/tlstrace-mtls says what is STRICT)"
)

func sidecarVersions() []testCase {
	digest := "@sha256:" + strings.Repeat("ab", 32)
	other := "@sha256:" + strings.Repeat("cd", 32)
	return []testCase{
		{"expected", pod("docker.io/istio/proxyv2:1.27.1"), ""},
		{"the other expected", pod("docker.io/istio/proxyv2:1.28.0"), ""},
		{"distroless variant", pod("docker.io/istio/proxyv2:1.27.1-distroless"), ""},
		{"registry with a port", pod("registry:5000/istio/proxyv2:1.27.1"), ""},
		{"tag and digest", pod("docker.io/istio/proxyv2:1.27.1" + other), ""},
		{"expected digest", pod("docker.io/istio/proxyv2" + digest), ""},
		{"no proxy at all", pod(""), ""},
		{"application without a tag", container(pod("docker.io/istio/proxyv2:1.27.1"), "containers", "worker", "worker"), ""},
		{"ztunnel of the version", pod("docker.io/istio/ztunnel:1.28.0"), ""},
		{"native sidecar", container(pod(""), "initContainers", "istio-proxy", "istio/proxyv2:1.27.1"), ""},

		{"latest", pod("docker.io/istio/proxyv2:latest"), say(unpinned, "docker.io/istio/proxyv2:latest")},
		{"no tag", pod("docker.io/istio/proxyv2"), say(unpinned, "docker.io/istio/proxyv2")},
		{"no tag, registry with a port", pod("registry:5000/proxyv2"), say(unpinned, "registry:5000/proxyv2")},
		{"minor version", pod("docker.io/istio/proxyv2:1.27"), say(unpinned, "docker.io/istio/proxyv2:1.27")},
		{"latest of a version", pod("istio/proxyv2:1.27.1-latest"), say(unpinned, "istio/proxyv2:1.27.1-latest")},
		{"not injected gateway", pod("auto"), say(unpinned, "auto")},
		{"floating native sidecar", container(pod(""), "initContainers", "istio-proxy", "istio/proxyv2:1.27"), say(unpinned, "istio/proxyv2:1.27")},
		{"floating init container", container(pod("istio/proxyv2:1.27.1"), "initContainers", "istio-init", "istio/proxyv2"), say(unpinned, "istio/proxyv2")},
		{"older patch", pod("docker.io/istio/proxyv2:1.27.0"), say(unexpected, "docker.io/istio/proxyv2:1.27.0")},
		{"longer patch", pod("docker.io/istio/proxyv2:1.27.10"), say(unexpected, "docker.io/istio/proxyv2:1.27.10")},
		{"longer major", pod("docker.io/istio/proxyv2:11.27.1"), say(unexpected, "docker.io/istio/proxyv2:11.27.1")},
		{"version in the name", pod("docker.io/istio-1.27.1/proxyv2:1.26.0"), say(unexpected, "docker.io/istio-1.27.1/proxyv2:1.26.0")},
		{"release candidate", pod("istio/proxyv2:1.27.1-rc.0"), say(unexpected, "istio/proxyv2:1.27.1-rc.0")},
		{"other digest", pod("istio/proxyv2" + other), say(unexpected, "istio/proxyv2"+other)},
	}
}

func peerAuthentications() []testCase {
	return []testCase{
		{"strict", peer("shop", `mtls: {mode: STRICT}`), ""},
		{"inherits", peer("shop", `mtls: {mode: UNSET}`), ""},
		{"says nothing", peer("shop", ``), ""},
		{"empty mtls", peer("shop", `mtls: {}`), ""},
		{"allowed by its namespace", peer("legacy", `mtls: {mode: PERMISSIVE}`), ""},
		{"allowed on a port", peer("legacy", `selector: {matchLabels: {app: a}}`, `portLevelMtls: {"8080": {mode: PERMISSIVE}}`), ""},
		{"port inherits", peer("shop", `selector: {matchLabels: {app: a}}`, `portLevelMtls: {"8080": {mode: UNSET}, "8081": {}}`), ""},
		{"strict mesh", peer("istio-system", `mtls: {mode: STRICT}`), ""},

		{"permissive", peer("shop", `mtls: {mode: PERMISSIVE}`), say(notAllowed, "PERMISSIVE", "shop", "STRICT", "shop")},
		{"disabled", peer("shop", `mtls: {mode: DISABLE}`), say(notAllowed, "DISABLE", "shop", "STRICT", "shop")},
		{"permissive is not disabled", peer("legacy", `mtls: {mode: DISABLE}`), say(notAllowed, "DISABLE", "legacy", "STRICT, PERMISSIVE", "legacy")},
		{"namespace with an allowed beginning", peer("legacy-2", `mtls: {mode: PERMISSIVE}`), say(notAllowed, "PERMISSIVE", "legacy-2", "STRICT", "legacy-2")},
		{"permissive on a port", peer("shop", `selector: {matchLabels: {app: a}}`, `mtls: {mode: STRICT}`, `portLevelMtls: {"8080": {mode: PERMISSIVE}, "8081": {mode: STRICT}}`),
			say(notAllowed, "PERMISSIVE for port 8080", "shop", "STRICT", "shop")},
		{"mode and port", peer("legacy", `selector: {matchLabels: {app: a}}`, `mtls: {mode: DISABLE}`, `portLevelMtls: {"1": {mode: DISABLE}}`),
			say(notAllowed, "DISABLE, DISABLE for port 1", "legacy", "STRICT, PERMISSIVE", "legacy")},
		{"permissive mesh", peer("istio-system", `mtls: {mode: PERMISSIVE}`), say(forMesh, "PERMISSIVE")},
		{"mesh that has nothing to inherit", peer("istio-system", `mtls: {mode: UNSET}`), say(forMesh, "PERMISSIVE")},
		{"mesh that says nothing", peer("istio-system", ``), say(forMesh, "PERMISSIVE")},
		{"in v1beta1", older(peer("shop", `mtls: {mode: PERMISSIVE}`), "v1beta1"), say(notAllowed, "PERMISSIVE", "shop", "STRICT", "shop")},
	}
}

func destinationRules() []testCase {
	disable := `trafficPolicy: {tls: {mode: DISABLE}}`
	simple := `trafficPolicy: {tls: {mode: SIMPLE}}`
	port := func(mode string) string {
		return `{portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}, {port: {number: 8080}, tls: {mode: ` + mode + `}}]}`
	}
	const host = "payments.shop.svc.cluster.local"
	return []testCase{
		{"mutual", rule("web", host, `trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}`), ""},
		{"own certificates", rule("web", host, `trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: a, privateKey: b}}`), ""},
		{"automatic", rule("web", host, `trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}`), ""},
		{"no policy", rule("web", host), ""},
		{"plain to a permissive namespace", rule("web", "api.legacy.svc.cluster.local", disable), ""},
		{"plain to a permissive namespace by its short name", rule("legacy", "api", disable), ""},
		{"TLS to the outside", rule("web", "api.example.com", simple), ""},
		{"looks like a service of a strict namespace", rule("web", "payments.shop.svc.cluster.local.example.com", simple), ""},
		{"other cluster domain", rule("web", "payments.shop.svc.cluster.example", simple), ""},
		{"two labels are no service", rule("web", "payments.shop", simple), ""},
		{"API server", rule("istio-system", "kubernetes.default.svc.cluster.local", disable), ""},
		{"wildcard of the outside", rule("web", "*.example.com", simple), ""},
		{"wildcard of a permissive namespace", rule("web", "*.legacy.svc.cluster.local", disable), ""},

		{"plain", rule("web", host, disable), say(toStrict, "DISABLE", host, "shop")},
		{"plain TLS", rule("web", host, simple), say(toStrict, "SIMPLE", host, "shop")},
		{"from a permissive namespace", rule("legacy", host, disable), say(toStrict, "DISABLE", host, "shop")},
		{"short name", rule("shop", "payments", disable), say(toStrict, "DISABLE", "payments", "shop")},
		{"strict by its entry", rule("web", "vault.bank.svc.cluster.local", disable), say(toStrict, "DISABLE", "vault.bank.svc.cluster.local", "bank")},
		{"pod of a StatefulSet", rule("web", "db-0.db.shop.svc.cluster.local", disable), say(toStrict, "DISABLE", "db-0.db.shop.svc.cluster.local", "shop")},
		{"tls without a mode is plain", rule("web", host, `trafficPolicy: {tls: {sni: a.example}}`), say(toStrict, "DISABLE", host, "shop")},
		{"port", rule("web", host, `trafficPolicy: `+port("DISABLE")), say(toStrict, "DISABLE for port 8080", host, "shop")},
		{"subset", rule("web", host, `subsets: [{name: v1}, {name: v2, trafficPolicy: {tls: {mode: SIMPLE}}}]`), say(toStrict, "SIMPLE in subset v2", host, "shop")},
		{"port of a subset", rule("web", host, `trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}`, `subsets: [{name: v2, trafficPolicy: `+port("SIMPLE")+`}]`),
			say(toStrict, "SIMPLE for port 8080 in subset v2", host, "shop")},
		{"everywhere", rule("web", host, disable, `subsets: [{name: v2, trafficPolicy: {tls: {mode: SIMPLE}}}]`), say(toStrict, "DISABLE, SIMPLE in subset v2", host, "shop")},
		{"wildcard of a strict namespace", rule("web", "*.shop.svc.cluster.local", disable), say(toStrict, "DISABLE", "*.shop.svc.cluster.local", "shop")},
		{"wildcard of all services", rule("web", "*.svc.cluster.local", disable), say(toSeveral, "DISABLE", "*.svc.cluster.local")},
		{"wildcard of the domain", rule("web", "*.local", disable), say(toSeveral, "DISABLE", "*.local")},
		{"wildcard of everything", rule("web", "*", disable), say(toSeveral, "DISABLE", "*")},
		{"in v1alpha3", older(rule("web", host, disable), "v1alpha3"), say(toStrict, "DISABLE", host, "shop")},
	}
}

func say(format string, args ...any) string { return fmt.Sprintf(format, args...) }
