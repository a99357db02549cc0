package policies

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// newMesh starts a cluster with the namespaces and the parameters of the cases.
func newMesh(t *testing.T) *cluster.Cluster {
	t.Helper()
	c := cluster.Start(t)
	c.CRDs(t)
	for _, name := range []string{"istio-system", "shop", "bank", "legacy", "legacy-2", "web"} {
		c.Namespace(t, name, nil)
	}
	c.Apply(t, "parameters.yaml")
	setParameters(t, c, parameters)
	return c
}

// setParameters changes keys of the ConfigMap that is shipped.
func setParameters(t *testing.T, c *cluster.Cluster, data map[string]string) {
	t.Helper()
	maps := c.Client.CoreV1().ConfigMaps("istio-system")
	m, err := maps.Get(t.Context(), "tlstrace-mtls", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range data {
		m.Data[k] = v
	}
	if _, err := maps.Update(t.Context(), m, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
