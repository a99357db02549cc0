package kernels

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var kernelList = flag.String("kernel", os.Getenv("KERNEL"), "kernels to test on, such as 5.10,6.1, or all (also $KERNEL)")

// module is the import path of what is tested.
const module = "github.com/tlstrace/tlstrace"

// inCI says that a test which cannot run has to fail.
func inCI() bool {
	return os.Getenv("CI") == "true" || os.Getenv("TLSTRACE_CI") != ""
}

func TestKernels(t *testing.T) {
	for _, release := range wanted(t) {
		t.Run(release.Name, func(t *testing.T) {
			t.Parallel() // a guest keeps little more than one core busy
			vm := machine(t, release)
			t.Run("selftest", func(t *testing.T) { testPackage(t, vm, "test/kernels/selftest") })
			t.Run("tracer", func(t *testing.T) { testPackage(t, vm, "tracer") })
			t.Run("scenarios", func(t *testing.T) { testScenarios(t, vm) })
		})
	}
}

// wanted are the kernels that the run asks for; CI asks for the oldest two.
func wanted(t *testing.T) []Release {
	list := *kernelList
	if list == "" && inCI() {
		list = "5.10,6.1"
	}
	if list == "" {
		t.Skip("no kernel asked for: -kernel 5.10,6.1 or KERNEL=6.1")
	}
	releases, err := FindReleases(list)
	if err != nil {
		t.Fatal(err)
	}
	return releases
}

func machine(t *testing.T, release Release) VM {
	t.Helper()
	cache, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	image, err := Fetch(t.Context(), release, cache)
	skipUnavailable(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Linux %s from %s", image.Version, release.Suite)
	return NewVM(image)
}

// skipUnavailable skips the test if this machine lacks a tool, and fails it in CI.
func skipUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrUnavailable) {
		return
	}
	if inCI() {
		t.Fatal(err)
	}
	t.Skip(err)
}

// run does a job in a guest and shows what it writes as it comes.
func run(t *testing.T, vm VM, job Job) Result {
	t.Helper()
	vm.Output = t.Output()
	result, err := vm.Run(t.Context(), job)
	skipUnavailable(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("exit code %d after %.1f s, %.1f s of CPU", result.ExitCode, result.Duration.Seconds(), result.CPUTime.Seconds())
	return result
}

// testPackage runs the tests of a package of this module in a guest.
func testPackage(t *testing.T, vm VM, pkg string) {
	files := testdata(t, filepath.Join("../..", pkg))
	files["/usr/bin/package.test"] = build(t, "test", "-c", module+"/"+pkg)
	// TLSTRACE_CI: a test that cannot run in a guest made for it has to say so.
	result := run(t, vm, Job{Files: files, Script: "TLSTRACE_CI=1 exec package.test -test.v -test.short -test.timeout 3m"})
	if result.ExitCode != 0 {
		t.Errorf("tests of %s failed", pkg)
	}
	if !strings.Contains(result.Output, "--- PASS") {
		t.Errorf("no test of %s ran", pkg)
	}
}

// testdata maps the testdata folders of a package and of those below it to where its tests look for them: the working
// directory of a guest's script stands for the package.
func testdata(t *testing.T, pkg string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(pkg, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() != "testdata" {
			return err
		}
		files[filepath.Join("/root", strings.TrimPrefix(path, pkg))] = path
		return fs.SkipDir
	})
	if err != nil {
		t.Fatalf("find testdata: %v", err)
	}
	return files
}

// build makes a static binary with the go command: build("build", pkg) or build("test", "-c", pkg).
func build(t *testing.T, arguments ...string) string {
	t.Helper()
	verb, rest := arguments[0], arguments[1:]
	binary := filepath.Join(t.TempDir(), "binary")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{verb, "-o", binary}, rest...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", arguments, err, out)
	}
	return binary
}
