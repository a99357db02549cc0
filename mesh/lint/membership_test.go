package lint

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMembership follows istio.io/docs/setup/additional-setup/sidecar-injection (the table of labels) and
// istio.io/docs/ambient/usage/add-workloads.
func TestMembership(t *testing.T) {
	for _, c := range []struct {
		name                string
		namespace           string // labels; "-" for a namespace that was not read
		labels, annotations string // of the pods
		spec                string
		want                Membership
		revision            string
	}{
		{name: "nothing asks for it", want: Outside},
		{name: "the namespace asks", namespace: "istio-injection: enabled", want: InSidecar},
		{name: "the namespace was not read", namespace: "-", want: Unclear},
		{name: "the namespace was not read, but the pods ask", namespace: "-", labels: `sidecar.istio.io/inject: "true"`, want: InSidecar},
		{name: "the pods refuse", namespace: "istio-injection: enabled", labels: `sidecar.istio.io/inject: "false"`, want: Outside},
		{name: "the pods refuse by the old annotation", namespace: "istio-injection: enabled", annotations: `sidecar.istio.io/inject: "false"`, want: Outside},
		{name: "the label wins over the annotation", namespace: "istio-injection: enabled", labels: `sidecar.istio.io/inject: "true"`, annotations: `sidecar.istio.io/inject: "false"`, want: InSidecar},
		{name: "the annotation alone asks in vain", annotations: `sidecar.istio.io/inject: "true"`, want: Outside},
		{name: "the pods ask", labels: `sidecar.istio.io/inject: "true"`, want: InSidecar},
		{name: "the namespace forbids what the pods ask", namespace: "istio-injection: disabled", labels: `sidecar.istio.io/inject: "true"`, want: Outside},
		{name: "a value that is none", namespace: `istio-injection: "true"`, want: Outside},
		{name: "a revision of the namespace", namespace: "istio.io/rev: canary", want: InSidecar, revision: "canary"},
		{name: "the default revision has no name", namespace: "istio.io/rev: default", want: InSidecar},
		{name: "istio-injection wins over a revision", namespace: "istio-injection: enabled, istio.io/rev: canary", want: InSidecar},
		{name: "a revision of the pods", labels: "istio.io/rev: canary", want: InSidecar, revision: "canary"},
		{name: "the namespace's revision wins over the pods'", namespace: "istio.io/rev: a", labels: "istio.io/rev: b", want: InSidecar, revision: "a"},
		{name: "the host's network", namespace: "istio-injection: enabled", spec: "hostNetwork: true", want: Outside},
		{name: "a sidecar in the template", spec: "containers: [{name: istio-proxy}]", want: InSidecar},
		{name: "a native sidecar in the template", spec: "initContainers: [{name: istio-proxy, restartPolicy: Always}]", want: InSidecar},
		{name: "ambient", namespace: "istio.io/dataplane-mode: ambient", want: InAmbient},
		{name: "ambient by the pods", labels: "istio.io/dataplane-mode: ambient", want: InAmbient},
		{name: "not in ambient by the pods", namespace: "istio.io/dataplane-mode: ambient", labels: "istio.io/dataplane-mode: none", want: Outside},
		{name: "a sidecar wins over ambient", namespace: "istio.io/dataplane-mode: ambient, istio-injection: enabled", want: InSidecar},
		{name: "no sidecar, hence ambient", namespace: "istio.io/dataplane-mode: ambient, istio-injection: enabled", labels: `sidecar.istio.io/inject: "false"`, want: InAmbient},
		{name: "no sidecar, and who knows of ambient", namespace: "-", labels: `sidecar.istio.io/inject: "false"`, want: Unclear},
		{name: "a gateway by its template", namespace: "istio-injection: enabled", annotations: "inject.istio.io/templates: gateway", want: IsGateway},
		{name: "a gateway by its arguments", spec: "containers: [{name: istio-proxy, args: [proxy, router]}]", want: IsGateway},
		{name: "a waypoint", labels: "gateway.networking.k8s.io/gateway-name: waypoint", want: IsGateway},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec:\n  template:\n"+
				"    metadata: {labels: {%s}, annotations: {%s}}\n    spec: {%s}\n", c.labels, c.annotations, c.spec)
			if c.namespace != "-" {
				text += fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {%s}}\n", c.namespace)
			}
			o := Build(Options{Now: time.Unix(0, 0)}, readText(t, text)).Workloads[0]
			if o.Membership != c.want || o.Revision != c.revision {
				t.Errorf("%s, revision %q (%s); want %s, %q", o.Membership, o.Revision, o.Why, c.want, c.revision)
			}
		})
	}
}

// pods are live pods of one Deployment.
const livePods = `apiVersion: v1
kind: Namespace
metadata: {name: n, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: n}
spec: {template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: d-abc-1
  namespace: n
  creationTimestamp: "2026-01-01T00:00:00Z"
  labels: {app: d, pod-template-hash: abc}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: d-abc, controller: true}]
spec: {containers: [{name: c}]}
status: {phase: Running}
`

func TestLivePodsShowWhatIs(t *testing.T) {
	w := Build(Options{Now: time.Unix(0, 0)}, readText(t, livePods))
	if len(w.Workloads) != 1 || len(w.Workloads[0].Pods) != 1 {
		t.Fatalf("%d workloads: the pod was not given to its Deployment", len(w.Workloads))
	}
	if o := w.Workloads[0]; o.Membership != Outside || o.Expected != InSidecar {
		t.Errorf("%s, expected %s: the pod is older than the label", o.Membership, o.Expected)
	}
}

func TestFilesOverLiveObjectsShowWhatWillBe(t *testing.T) {
	live := readText(t, livePods)
	over := readText(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {istio-injection: disabled}}\n")
	for range 2 { // a set serves several worlds
		if o := Build(Options{Now: time.Unix(0, 0)}, live, over).Workloads[0]; o.Expected != Outside || len(o.Pods) != 1 {
			t.Errorf("expected %s with %d pods", o.Expected, len(o.Pods))
		}
	}
}

func TestPodsWithoutAKnownOwner(t *testing.T) {
	rollout := strings.ReplaceAll(livePods, "kind: ReplicaSet, name: d-abc", "kind: CloneSet, name: c")
	w := Build(Options{Now: time.Unix(0, 0)}, readText(t, rollout))
	if len(w.Workloads) != 2 || w.Workloads[0].Kind != "CloneSet" && w.Workloads[1].Kind != "CloneSet" {
		t.Errorf("%d workloads: want the Deployment and the CloneSet", len(w.Workloads))
	}
	done := strings.ReplaceAll(livePods, "phase: Running", "phase: Succeeded")
	if w := Build(Options{Now: time.Unix(0, 0)}, readText(t, done)); len(w.Workloads[0].Pods) != 0 {
		t.Error("a pod that has run to its end counts")
	}
}
