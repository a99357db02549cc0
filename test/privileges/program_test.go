package privileges

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/tlstrace/tlstrace"

var update = flag.Bool("update", false, "write the table of docs/privileges.md")

// inCI says that a test which cannot run has to fail.
func inCI() bool { return os.Getenv("CI") == "true" }

// unavailable skips a test that this machine cannot run, and fails it in CI.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if inCI() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// needRoot: taking privileges away needs them.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		unavailable(t, "taking privileges away needs them: run it as root")
	}
}

// programs are the static programs of the tests, built once, in a directory that every user can enter.
type programs struct {
	dir                         string
	tlstrace, launch, handshake string
}

var buildPrograms = sync.OnceValues(func() (programs, error) {
	dir, err := os.MkdirTemp("", "tlstrace-privileges-")
	if err != nil {
		return programs{}, err
	}
	p := programs{
		dir: dir, tlstrace: filepath.Join(dir, "tlstrace"), launch: filepath.Join(dir, "launch"), handshake: filepath.Join(dir, "handshake"),
	}
	for path, pkg := range map[string]string{
		p.tlstrace: "cmd/tlstrace", p.launch: "test/privileges/launch", p.handshake: "test/privileges/handshake",
	} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", path, module+"/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return p, err
		}
	}
	return p, os.Chmod(dir, 0o755)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if err := thePage.compare(*update); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if p, err := buildPrograms(); err == nil {
		_ = os.RemoveAll(p.dir)
	}
	os.Exit(code)
}

func build(t *testing.T) programs {
	t.Helper()
	p, err := buildPrograms()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	return p
}

// six are the capabilities of the chart and of the unit, by their numbers: what tlstrace asks for, and no more.
const six = "39,38,12,19,2,40"

// openDirectory is one that every user can write to.
func openDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tlstrace-privileges-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// words splits a command line that has no quotes in it.
func words(s string) []string { return strings.Fields(s) }
