package alerts

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the path of a program of Debian's package prometheus.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no %s: install Debian's package prometheus", name)
		}
		t.Skipf("no %s: install Debian's package prometheus", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// promtool runs it, and fails with what it says.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program(t, "promtool"), args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
}

// TestAlerts gives the rules what happens in a cluster, and asks what fires.
func TestAlerts(t *testing.T) {
	files, err := filepath.Glob("tests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			promtool(t, "test", "rules", f)
		})
	}
}
