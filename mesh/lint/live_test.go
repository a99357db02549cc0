package lint_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/tlstrace/tlstrace/mesh/lint"
	"github.com/tlstrace/tlstrace/test/cluster"
)

func liveOptions() lint.Options {
	return lint.Options{Now: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}
}

// clientOf reads in pages of two, so that there is more than one.
func clientOf(t *testing.T, config *rest.Config) lint.Live {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return lint.Live{Client: client.RESTClient(), PageSize: 2}
}

func readLive(t *testing.T, l lint.Live) *lint.Set {
	t.Helper()
	set, err := l.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func readFiles(t *testing.T, paths ...string) *lint.Set {
	t.Helper()
	files := lint.Files{Complete: true}
	set, err := files.Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// told spells findings without where they were read.
func told(findings []lint.Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, strings.Join([]string{f.Check.ID, string(f.Object.Kind), f.Object.Namespace, f.Object.Name, f.Field, f.Message}, " | "))
	}
	slices.Sort(out)
	return out
}

func withCheck(result lint.Result, id string) []lint.Finding {
	return slices.DeleteFunc(slices.Clone(result.Findings), func(f lint.Finding) bool { return f.Check.ID != id })
}

// TestLive runs against a real API server with Istio's real CRDs.
func TestLive(t *testing.T) {
	c := cluster.Start(t)
	c.Apply(t, "testdata/live/mesh.yaml")
	everything := clientOf(t, c.Config)

	t.Run("missing CRDs are told, and the rest is checked", func(t *testing.T) {
		result := lint.Run(lint.Build(liveOptions(), readLive(t, everything)), lint.Checks())
		if got := len(withCheck(result, "TLT0007")); got != 8 {
			t.Errorf("%d kinds are reported as not installed, want Istio's 8", got)
		}
		if len(result.Skipped) > 0 {
			t.Errorf("%d checks were skipped: a kind that cannot exist has no objects", len(result.Skipped))
		}
	})

	c.CRDs(t)
	c.Apply(t, "testdata/live/policies.yaml")

	t.Run("the findings are those of the same manifests", func(t *testing.T) {
		live := lint.Run(lint.Build(liveOptions(), readLive(t, everything)), lint.Checks())
		files := lint.Run(lint.Build(liveOptions(), readFiles(t, "testdata/live/mesh.yaml", "testdata/live/policies.yaml")), lint.Checks())
		if diff := cmp.Diff(told(files.Findings), told(live.Findings)); diff != "" {
			t.Errorf("files (-) and live (+):\n%s", diff)
		}
		for _, id := range []string{"TLT0401", "TLT0404", "TLT0501"} {
			if len(withCheck(live, id)) == 0 {
				t.Errorf("%s found nothing", id)
			}
		}
	})

	t.Run("a change laid over the cluster", func(t *testing.T) {
		live, change := readLive(t, everything), readFiles(t, "testdata/live/change.yaml")
		result := lint.Run(lint.Build(liveOptions(), live, change), lint.Checks())
		result.MarkNew(lint.Run(lint.Build(liveOptions(), live), lint.Checks()))
		for _, f := range result.Findings {
			if ofChange := f.Object.Name == "payments-metrics"; f.New != ofChange {
				t.Errorf("new is %t for %s", f.New, told([]lint.Finding{f}))
			}
		}
		if len(withCheck(result, "TLT0305")) != 1 {
			t.Errorf("the selector that selects nothing is not reported: %q", told(result.Findings))
		}
	})

	t.Run("no permission on one kind", func(t *testing.T) {
		c.Grant(t, cluster.User(cluster.Agent), readers("peerauthentications")...)
		set := readLive(t, clientOf(t, c.ConfigOf(cluster.Agent)))
		result := lint.Run(lint.Build(liveOptions(), set), lint.Checks())
		denied := withCheck(result, "TLT0006")
		if len(denied) != 1 || !strings.Contains(denied[0].Message, `cannot list resource "peerauthentications"`) {
			t.Fatalf("what may not be read: %q", told(denied))
		}
		if len(withCheck(result, "TLT0501")) == 0 {
			t.Error("the rest was not checked")
		}
		if len(withCheck(result, "TLT0401")) > 0 {
			t.Error("a rule is said to be wrong for a policy that was not read")
		}
	})

	t.Run("one namespace", func(t *testing.T) {
		l := everything
		l.Namespace = "legacy"
		o := liveOptions()
		o.Namespace = "legacy"
		w := lint.Build(o, readLive(t, l))
		if w.Mesh.TrustDomain != "mesh.example" {
			t.Errorf("trust domain %q: the root namespace was not read", w.Mesh.TrustDomain)
		}
		if w.Complete(lint.KindService, "shop") || !w.Complete(lint.KindService, "legacy") {
			t.Error("what is complete is not what was read")
		}
		for _, f := range lint.Run(w, lint.Checks()).Findings {
			if f.Object.Namespace != "legacy" {
				t.Errorf("a finding elsewhere: %s", told([]lint.Finding{f}))
			}
		}
	})

	t.Run("a server that does not know who asks", func(t *testing.T) {
		stranger := rest.CopyConfig(c.Config)
		stranger.BearerToken = "of nobody"
		l := clientOf(t, stranger)
		if set, err := l.Read(t.Context()); err == nil {
			t.Errorf("%d objects were read", set.Objects())
		}
	})
}

// readers may read all kinds that lint reads but one.
func readers(but string) []rbacv1.PolicyRule {
	security := slices.DeleteFunc([]string{"peerauthentications", "authorizationpolicies"}, func(r string) bool { return r == but })
	read := []string{"get", "list"}
	return []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Verbs: read, Resources: []string{"namespaces", "serviceaccounts", "services", "configmaps", "secrets", "pods"}},
		{APIGroups: []string{"apps", "batch"}, Verbs: read, Resources: []string{"*"}},
		{APIGroups: []string{"networking.istio.io", "gateway.networking.k8s.io"}, Verbs: read, Resources: []string{"*"}},
		{APIGroups: []string{"security.istio.io"}, Verbs: read, Resources: security},
	}
}
