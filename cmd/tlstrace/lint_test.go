package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// TestLintCluster reads a real API server by a kubeconfig, as a user does.
func TestLintCluster(t *testing.T) {
	c := cluster.Start(t)
	c.CRDs(t)
	manifests := filepath.Join("..", "..", "mesh", "lint", "testdata", "live")
	c.Apply(t, filepath.Join(manifests, "mesh.yaml"))
	c.Apply(t, filepath.Join(manifests, "policies.yaml"))
	change := filepath.Join(manifests, "change.yaml")
	broken := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(broken, []byte("apiVersion: v1\nkind: Config\nclusters: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		name          string
		args          []string
		code          int
		out, err, not string
	}{
		{name: "all of it", args: []string{"-A", "--kubeconfig", c.Kubeconfig}, code: exitFindings, out: "TLT0401  DestinationRule shop/payments"},
		{name: "one namespace", args: []string{"-n", "legacy", "--kubeconfig", c.Kubeconfig}, code: exitFine, out: "namespace legacy only, -A checks all", not: "shop/payments  spec"},
		{
			name: "what a change adds", args: []string{"-A", "--kubeconfig", c.Kubeconfig, "-f", change, "--live", "--only-new"},
			out: "PeerAuthentication shop/payments-metrics", not: "TLT0401",
		},
		{name: "a context that is not there", args: []string{"--kubeconfig", c.Kubeconfig, "--context", "nope"}, code: exitUsage, err: "nope"},
		{name: "a kubeconfig without a cluster", args: []string{"--kubeconfig", broken}, code: exitUsage, err: "--kubeconfig"},
	} {
		t.Run(s.name, func(t *testing.T) {
			w := newTestWorld(t)
			w.now = time.Now
			if code := w.run(append([]string{"lint"}, s.args...)); code != s.code {
				t.Errorf("exit code %d, want %d", code, s.code)
			}
			if !strings.Contains(w.out.String(), s.out) || !strings.Contains(w.err.String(), s.err) || s.not != "" && strings.Contains(w.out.String(), s.not) {
				t.Errorf("want %q, %q, and not %q:\n%s%s", s.out, s.err, s.not, w.out.String(), w.err.String())
			}
		})
	}
	c.StopAPIServer(t)
	w := newTestWorld(t)
	if code := w.run([]string{"lint", "-A", "--kubeconfig", c.Kubeconfig}); code != exitUsage || !strings.Contains(w.err.String(), "the cluster cannot be read") {
		t.Errorf("exit code %d without a server: %s", code, w.err.String())
	}
}
