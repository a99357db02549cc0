package chart

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// operator is the Prometheus operator's module, which has its custom resource definitions, and its sum as go.sum would have it.
const (
	operator    = "github.com/prometheus-operator/prometheus-operator@v0.93.1"
	operatorSum = "h1:4Juk8v93RdG1DSGD/mGp+SeQKPmnlLIj2iq3blLZgFY="
)

// operatorKinds are the definitions that the chart's objects need.
var operatorKinds = []string{"podmonitors", "servicemonitors", "prometheusrules"}

// judge asks a real API server, with the kinds of the Prometheus operator, whether it would take an object.
type judge struct {
	client dynamic.Interface
	kinds  meta.RESTMapper
}

func newJudge(t *testing.T) judge {
	t.Helper()
	c := cluster.Start(t)
	for _, kind := range operatorKinds {
		c.Apply(t, filepath.Join(operatorDir(t), "example/prometheus-operator-crd/monitoring.coreos.com_"+kind+".yaml"))
	}
	for _, name := range []string{namespace, "monitoring"} {
		c.Namespace(t, name, nil)
	}
	client, err := dynamic.NewForConfig(c.Config)
	must(t, err)
	groups, err := restmapper.GetAPIGroupResources(c.Client.Discovery())
	must(t, err)
	return judge{client: client, kinds: restmapper.NewDiscoveryRESTMapper(groups)}
}

// operatorDir is where Go keeps the module.
func operatorDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", operator).Output()
	must(t, err)
	var module struct{ Dir, Sum, Error string }
	must(t, json.Unmarshal(out, &module))
	if module.Sum != operatorSum || module.Error != "" {
		t.Fatalf("%s has the sum %s, want %s: %s", operator, module.Sum, operatorSum, module.Error)
	}
	return module.Dir
}

// try creates an object without keeping it; a field that its kind does not have is an error.
func (j judge) try(ctx context.Context, o *unstructured.Unstructured) error {
	kind := o.GroupVersionKind()
	mapping, err := j.kinds.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	var resource dynamic.ResourceInterface = j.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		resource = j.client.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	if kind.Kind == "Namespace" { // it exists, so that the others find it
		o = o.DeepCopy()
		o.SetName(o.GetName() + "-new")
	}
	_, err = resource.Create(ctx, o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	return err
}

// TestAPIServerTakesEveryObject tries what is rendered with every documented value, and the manifests.
func TestAPIServerTakesEveryObject(t *testing.T) {
	j := newJudge(t)
	all := map[string]string{}
	for _, e := range examples {
		all[e.path] = e.set
	}
	for _, m := range manifests {
		all[m.name] = m.values
	}
	for name, values := range all {
		t.Run(name, func(t *testing.T) {
			for _, o := range objectsOf(t, render(t, values)) {
				if err := j.try(t.Context(), o); err != nil {
					t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
				}
			}
		})
	}
	t.Run("a field that does not exist", func(t *testing.T) {
		for _, kind := range []string{"DaemonSet", "PodMonitor", "PrometheusRule"} {
			o := object(t, render(t, "{podMonitor: {create: true}, prometheusRule: {create: true}}"), kind, "tlstrace")
			must(t, unstructured.SetNestedField(o.Object, "x", "spec", "nobody"))
			if err := j.try(t.Context(), o); err == nil || !strings.Contains(err.Error(), "nobody") {
				t.Errorf("%s: got %v: the other answers mean nothing", kind, err)
			}
		}
	})
}

func TestRolesAllowWhatIsUsedAndNoMore(t *testing.T) {
	used := []string{
		"/pods get", "/pods list", "/pods watch", "/services list", "/services watch", "/nodes list", "apps/replicasets get", "batch/jobs get",
		"discovery.k8s.io/endpointslices list",
	}
	reviews := []string{"authentication.k8s.io/tokenreviews create", "authorization.k8s.io/subjectaccessreviews create"}
	for values, want := range map[string][]string{"": append(reviews, used...), "events: {auth: none}": used, "events: {auth: token, tokenSecret: a}": used} {
		role := new(rbacv1.ClusterRole)
		o := object(t, render(t, values), "ClusterRole", "tlstrace")
		must(t, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role))
		allowed := map[string]bool{}
		for _, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				allowed[strings.Join(rule.APIGroups, ",")+"/"+strings.Join(rule.Resources, ",")+" "+verb] = true
			}
		}
		for _, right := range want {
			if !allowed[right] {
				t.Errorf("%q: %s is missing", values, right)
			}
			delete(allowed, right)
		}
		if len(allowed) > 0 {
			t.Errorf("%q: %v is more than is used", values, allowed)
		}
	}
}
