package cluster

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// istioCRDs is the file of Istio's own custom resource definitions in the module istio.io/api.
const istioCRDs = "kubernetes/customresourcedefinitions.gen.yaml"

// CRDs installs Istio's own custom resource definitions, of the version in go.mod, and returns when all can be used.
func (c *Cluster) CRDs(t testing.TB) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatalf("find the module istio.io/api: %v", err)
	}
	c.Apply(t, filepath.Join(strings.TrimSpace(string(out)), istioCRDs))
}
