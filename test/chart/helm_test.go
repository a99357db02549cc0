package chart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// chartDir and the others are paths from here.
const (
	chartDir    = "../../deploy/chart"
	manifestDir = "../../deploy/manifests"
	namespace   = "tlstrace" // of the releases that are rendered
)

// buildTime bounds the build of Helm: three minutes of two cores, the first time.
const buildTime = 20 * time.Minute

// helmBinary builds Helm once; the tests after the first one find it.
var helmBinary = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	return buildHelm(ctx)
})

// buildHelm returns Helm as the module ./helm has it, from the cache beside the API server's.
func buildHelm(ctx context.Context) (string, error) {
	servers, err := cluster.CacheDir()
	if err != nil {
		return "", err
	}
	modules, err := os.ReadFile("helm/go.sum")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(modules, runtime.Version()...))
	path := filepath.Join(filepath.Dir(servers), "chart", fmt.Sprintf("helm-%x", sum[:6]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	build := exec.CommandContext(ctx, "go", "build", "-C", "helm", "-buildvcs=false", "-mod=readonly", "-p=2", "-trimpath", "-ldflags=-s -w",
		"-o", fresh, "helm.sh/helm/v4/cmd/helm")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Helm: %w: %s", err, bytes.TrimSpace(out))
	}
	return path, os.Rename(fresh, path)
}

// helm runs Helm in a home of its own and returns what it wrote and how it ended.
func helm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := helmBinary()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	must(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// try renders the chart with a text of values; extra are more arguments of helm template.
func try(t *testing.T, values string, extra ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	must(t, os.WriteFile(path, []byte(values), 0o600))
	args := append([]string{"template", "tlstrace", chartDir, "--namespace", namespace, "--values", path}, extra...)
	out, said, err := helm(t, args...)
	if err != nil {
		return "", errors.New(said)
	}
	return out, nil
}

// render is try for values that must be good.
func render(t *testing.T, values string, extra ...string) string {
	t.Helper()
	out, err := try(t, values, extra...)
	if err != nil {
		t.Fatalf("with the values\n%s\n%v", values, err)
	}
	return out
}

// objectsOf reads what was rendered.
func objectsOf(t *testing.T, rendered string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := cluster.Objects([]byte(rendered))
	must(t, err)
	return objects
}

// object is the one of a kind; a name tells several apart.
func object(t *testing.T, rendered, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, o := range objectsOf(t, rendered) {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLint(t *testing.T) {
	out, said, err := helm(t, "lint", "--strict", chartDir)
	if err != nil || !strings.Contains(out, "0 chart(s) failed") {
		t.Errorf("%v\n%s%s", err, out, said)
	}
}
