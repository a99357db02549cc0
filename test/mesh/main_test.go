package mesh_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain runs a part of a mesh where this binary was started as one, else the tests.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		fmt.Fprintln(os.Stderr, play(role, os.Args[1:]))
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// scratch is the directory of what all tests share, once there is one.
var scratch string

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the meshes need root")
	default:
		t.Skip("the meshes need root")
	}
}

// tlstrace makes the program once.
var tlstrace = sync.OnceValues(func() (string, error) {
	if binary := os.Getenv("TLSTRACE_BIN"); binary != "" {
		return filepath.Abs(binary)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "tlstrace-mesh-test-"); err != nil {
		return "", err
	}
	binary := filepath.Join(scratch, "tlstrace")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/tlstrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// publicDir is a directory that a sidecar may read, which does not run as root.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tlstrace-mesh-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755)) //nolint:gosec // only for reading
	return dir
}

// copySelf copies this binary: the kernel knows a process by the name of its file.
func copySelf(t testing.TB, to string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	must(t, err)
	defer self.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	must(t, err)
	_, err = io.Copy(file, self)
	must(t, err)
	must(t, file.Close())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
