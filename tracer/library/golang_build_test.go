package library

import (
	"cmp"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// goReleases are the releases that are tested: the one installed, and the last of each older one.
var goReleases = []string{"go1.22.12", "go1.23.12", "go1.24.13", "go1.25.11", "local"}

// goBuild is one way to build the program in testdata/golang.
type goBuild struct {
	release string // "local" is the installed one
	arch    string // "" is that of this machine
	level   string // GOAMD64
	cgo     bool   // linked by the C linker
	pie     bool
	strip   bool
}

func (b goBuild) String() string {
	name := b.release + "/" + cmp.Or(b.arch, runtime.GOARCH) + b.level
	for _, f := range []struct {
		set  bool
		name string
	}{{b.cgo, "cgo"}, {b.pie, "pie"}, {b.strip, "stripped"}} {
		if f.set {
			name += "-" + f.name
		}
	}
	return name
}

// program builds and returns the path of the program.
func (b goBuild) program(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile("testdata/golang/main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": string(source), "go.mod": "module golang\n\ngo 1.22\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.requireToolchain(t, dir)
	path := filepath.Join(dir, "golang")
	build := b.command(dir, append([]string{"build", "-o", path}, b.flags()...)...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", b, err, out)
	}
	return path
}

func (b goBuild) flags() []string {
	var link []string
	if b.cgo {
		link = append(link, "-linkmode=external")
	}
	if b.strip {
		link = append(link, "-s", "-w")
	}
	flags := []string{"-p=2", "-ldflags=" + strings.Join(link, " ")}
	if b.pie {
		flags = append(flags, "-buildmode=pie")
	}
	return flags
}

// command runs this build's go command.
func (b goBuild) command(dir string, args ...string) *exec.Cmd {
	c := exec.Command("go", args...)
	c.Dir = dir
	cgo := "CGO_ENABLED=0"
	if b.cgo {
		cgo = "CGO_ENABLED=1"
	}
	c.Env = append(os.Environ(), cgo, "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN="+b.release, "GOARCH="+cmp.Or(b.arch, runtime.GOARCH), "GOAMD64="+cmp.Or(b.level, "v1"))
	return c
}

// requireToolchain skips the test if the release is not there and cannot be downloaded, or if the C linker is missing.
func (b goBuild) requireToolchain(t testing.TB, dir string) {
	t.Helper()
	if b.release != "local" && testing.Short() {
		t.Skip("older releases of Go are left out of a short test")
	}
	if out, err := b.command(dir, "version").CombinedOutput(); err != nil {
		unavailable(t, "%s: %v: %s", b.release, err, out)
	}
	if _, err := exec.LookPath("cc"); b.cgo && err != nil {
		unavailable(t, "a C linker: %v", err)
	}
}

// releaseName is the version that the build's programs carry.
func (b goBuild) releaseName() string {
	if b.release == "local" {
		return version.Lang(runtime.Version()) // its patch release may differ from that of the go command
	}
	return b.release
}
