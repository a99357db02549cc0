package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain runs a peer where this binary was started as one, else the tests.
func TestMain(m *testing.M) {
	if role := os.Getenv(peerRole); role != "" {
		if err := play(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := os.RemoveAll(buildDir()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// buildDir is where this run builds the program.
func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tlstrace-agent-test-%d", os.Getpid()))
}

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the agent needs root")
	default:
		t.Skip("the agent needs root")
	}
}

// build makes the program once.
var build = sync.OnceValues(func() (string, error) {
	if binary := os.Getenv("TLSTRACE_BIN"); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(buildDir(), "tlstrace")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/tlstrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
