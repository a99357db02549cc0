package chart

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestEveryValueHasAnEffect(t *testing.T) {
	var tried []string
	for _, e := range examples {
		tried = append(tried, e.path)
		t.Run(e.path, func(t *testing.T) {
			if render(t, e.set) == render(t, e.needs) {
				t.Errorf("%s renders the same as without", e.set)
			}
		})
	}
	for _, v := range documented(t) {
		if !slices.Contains(tried, v.path) {
			t.Errorf("%s is not tried", v.path)
		}
	}
}

// daemonSet is the rendered one.
func daemonSet(t *testing.T, values string, extra ...string) *appsv1.DaemonSet {
	t.Helper()
	d := new(appsv1.DaemonSet)
	o := object(t, render(t, values, extra...), "DaemonSet", "tlstrace")
	must(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, d, true))
	return d
}

func TestOnlyWhatNeedsARestartCausesOne(t *testing.T) {
	tests := []struct {
		name, before, after string
		restarts            bool
	}{
		{"a filter", "", "config: {layer: [certificate], fold: 1m}", false},
		{"a size", "", "config: {ring-bytes: 4194304}", true},
		{"who may read", "", "events: {auth: none}", true},
		{"a label of the monitor", "podMonitor: {create: true}", "podMonitor: {create: true, labels: {a: b}}", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := daemonSet(t, tt.before).Spec.Template, daemonSet(t, tt.after).Spec.Template
			if restarts := before.String() != after.String(); restarts != tt.restarts {
				t.Errorf("the pod changes: %v, want %v", restarts, tt.restarts)
			}
		})
	}
}

func TestMemoryLimitIsGos(t *testing.T) {
	for values, want := range map[string]string{
		"":                                        "230MiB",
		"resources: {limits: {memory: 1Gi}}":      "921MiB",
		"resources: {limits: {memory: 300M}}":     "",
		"resources: {limits: {memory: null}}":     "",
		"resources: {limits: null}":               "",
		"resources: {limits: {memory: 0.5Gi}}":    "",
		"resources: {limits: {memory: 128Mi}}":    "115MiB",
		"resources: {limits: {memory: 16777216}}": "",
	} {
		got := ""
		for _, e := range daemonSet(t, values).Spec.Template.Spec.Containers[0].Env {
			if e.Name == "GOMEMLIMIT" {
				got = e.Value
			}
		}
		if got != want {
			t.Errorf("%s: GOMEMLIMIT is %q, want %q", values, got, want)
		}
	}
}

func TestAppArmorBeforeAndAfterItsField(t *testing.T) {
	const annotation = "container.apparmor.security.beta.kubernetes.io/agent"
	values := "securityContext: {privileged: false}"
	old, now := daemonSet(t, values, "--kube-version", "1.29.4-eks-1"), daemonSet(t, values, "--kube-version", "1.30.0")
	if got := old.Spec.Template.Annotations[annotation]; got != "unconfined" {
		t.Errorf("1.29: the annotation is %q", got)
	}
	if old.Spec.Template.Spec.Containers[0].SecurityContext.AppArmorProfile != nil || now.Spec.Template.Annotations[annotation] != "" {
		t.Error("each way belongs to its versions only")
	}
	if p := now.Spec.Template.Spec.Containers[0].SecurityContext.AppArmorProfile; p == nil || p.Type != "Unconfined" {
		t.Errorf("1.30: the profile is %v", p)
	}
}

// rules are those of the PrometheusRule, alerts by name.
func rules(t *testing.T, values string) (alerts map[string]map[string]any, records int) {
	t.Helper()
	o := object(t, render(t, values), "PrometheusRule", "tlstrace")
	groups, _, err := unstructured.NestedSlice(o.Object, "spec", "groups")
	must(t, err)
	alerts = map[string]map[string]any{}
	for _, group := range groups {
		for _, r := range group.(map[string]any)["rules"].([]any) {
			rule := r.(map[string]any)
			if name, ok := rule["alert"].(string); ok {
				alerts[name] = rule
				continue
			}
			records++
		}
	}
	return alerts, records
}

func TestOverridesChangeOneAlertAndNothingElse(t *testing.T) {
	was, recorded := rules(t, "prometheusRule: {create: true}")
	is, stillRecorded := rules(t, `
prometheusRule:
  create: true
  alertLabels: {team: mesh, severity: none}
  overrides:
    TlstraceNoAgent: {enabled: false}
    TLSServerFailing: {for: 9m, expr: vector(1), labels: {severity: ticket}, annotations: {summary: ours}}
`)
	if len(was) == 0 || len(is) != len(was)-1 || is["TlstraceNoAgent"] != nil || recorded != stillRecorded {
		t.Errorf("%d alerts and %d records before, %d and %d after", len(was), recorded, len(is), stillRecorded)
	}
	changed := is["TLSServerFailing"]
	labels, annotations := changed["labels"].(map[string]any), changed["annotations"].(map[string]any)
	if changed["for"] != "9m" || changed["expr"] != "vector(1)" || labels["severity"] != "ticket" || labels["team"] != "mesh" ||
		annotations["summary"] != "ours" || !strings.Contains(annotations["runbook_url"].(string), "TLSServerFailing") {
		t.Errorf("the alert is %v", changed)
	}
	other := is["TLSClientFailing"]
	if other["expr"] != was["TLSClientFailing"]["expr"] || other["labels"].(map[string]any)["severity"] != "none" {
		t.Errorf("another alert is %v", other)
	}
	summary := was["TLSClientFailing"]["annotations"].(map[string]any)["summary"].(string)
	if !strings.Contains(summary, "{{ ") {
		t.Errorf("Helm has eaten the template of %q", summary)
	}
}
