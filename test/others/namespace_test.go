package others

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// playHere plays scenarios in a network namespace of their own, where port 443 is free, and returns what the tool said.
func playHere(t *testing.T, tool Tool, names []string) ([]Window, string) {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "names")
	if err := os.WriteFile(list, []byte(strings.Join(names, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	alone(t, "TestPlay", playTool+"="+tool.Name, playDir+"="+dir, playNames+"="+list)
	return recorded(t, func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

// alone runs a test of this binary in a network namespace that has a loopback interface and nothing else.
func alone(t *testing.T, test string, environment ...string) {
	t.Helper()
	const inside = `ip link set lo up && exec "$@"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", inside, "sh",
		os.Args[0], "-test.run", "^"+test+"$", "-test.v", "-test.timeout", "50m")
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", summary(string(out)))
	if err != nil {
		t.Errorf("%s in a network namespace of its own: %v", test, err)
	}
}

// summary leaves out of a test's output what went well.
func summary(output string) string {
	var kept []string
	for line := range splitLines(output) {
		if !strings.Contains(line, "=== RUN") && !strings.Contains(line, "--- PASS") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
