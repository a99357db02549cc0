package kernels

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	kernelList = flag.String("kernel", os.Getenv("KERNEL"), "kernels to test on, such as 5.10,6.1,host, or all (also $KERNEL)")
	update     = flag.Bool("update", false, "write what is found to docs/kernels.md instead of comparing it")
)

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
			testKernel(t, release)
		})
	}
}

func testKernel(t *testing.T, release Release) {
	place := placeOf(t, release)
	found := &Finding{Name: release.Name, Suite: release.Suite}
	t.Run("selftest", func(t *testing.T) { place.testPackage(t, "test/kernels/selftest") })
	if *kernelList != "" { // emulated, they take ten minutes: more than CI has for them
		t.Run("tracer", func(t *testing.T) { readLog(t, place.testPackage(t, "tracer").Output, found) })
	}
	t.Run("scenarios", func(t *testing.T) { testScenarios(t, place, found) })
	switch {
	case t.Failed():
	case found.Kernel == "":
		t.Skip("nothing was found out: see why the scenarios were skipped")
	case *update:
		if err := found.write(); err != nil {
			t.Error(err)
		}
	case *kernelList != "":
		compareFinding(t, *found)
	}
}

// compareFinding holds what was found against what docs/kernels.md says.
func compareFinding(t *testing.T, found Finding) {
	last, err := readFinding(found.Name)
	if err == nil && last.Name == "" {
		t.Logf("nothing is written of this kernel yet: KERNEL=%s make update-kernels does", found.Name)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if difference := found.differs(last.Behaviour); difference != "" {
		t.Errorf("docs/kernels.md says otherwise of this kernel: KERNEL=%s make update-kernels writes it\n%s", found.Name, difference)
	}
}

// wanted are the kernels that the run asks for; CI asks for the oldest two.
func wanted(t *testing.T) []Release {
	list := *kernelList
	if list == "" && inCI() {
		list = "5.10,6.1"
	}
	if *update && inCI() {
		t.Fatal("CI compares what is found; it does not write it")
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
