package kernels

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// place is where jobs are done: a virtual machine, or this machine.
type place struct {
	arch string
	do   func(ctx context.Context, job Job, output io.Writer) (Result, error)
}

func placeOf(t *testing.T, release Release) place {
	t.Helper()
	if release.Name == hostName {
		return place{release.Arch, func(ctx context.Context, job Job, output io.Writer) (Result, error) {
			return Host{Output: output}.Run(ctx, job)
		}}
	}
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
	return place{release.Arch, func(ctx context.Context, job Job, output io.Writer) (Result, error) {
		vm := NewVM(image)
		vm.Output = output
		return vm.Run(ctx, job)
	}}
}

// run does a job and shows what it writes as it comes.
func (p place) run(t *testing.T, job Job) Result {
	t.Helper()
	result, err := p.do(t.Context(), job, t.Output())
	skipUnavailable(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("exit code %d after %.1f s, %.1f s of CPU", result.ExitCode, result.Duration.Seconds(), result.CPUTime.Seconds())
	return result
}

// testPackage runs the tests of a package of this module.
func (p place) testPackage(t *testing.T, pkg string) Result {
	files := testdata(t, filepath.Join("../..", pkg))
	files["/usr/bin/package.test"] = p.build(t, "test", "-c", module+"/"+pkg)
	// CI: a test that cannot run in a guest made for it has to say so. TestHoldOpen is no test, but another one's child.
	script := fmt.Sprintf("CI=true TLSTRACE_CI=1 exec package.test -test.v -test.short -test.timeout %s -test.skip '^TestHoldOpen$'", p.patience())
	result := p.run(t, Job{Files: files, Script: script, Limit: p.patience() + time.Minute})
	if result.ExitCode != 0 {
		t.Errorf("tests of %s failed", pkg)
	}
	if !strings.Contains(result.Output, "--- PASS") {
		t.Errorf("no test of %s ran", pkg)
	}
	return result
}

// patience is how long the tests of a package may take: a job is given a minute more, to tell where they hang.
func (p place) patience() time.Duration {
	if p.arch != runtime.GOARCH {
		return 40 * time.Minute // an instruction of another processor is several of this one's
	}
	return DefaultLimit - time.Minute
}

// build makes a static binary with the go command: build("build", pkg) or build("test", "-c", pkg).
func (p place) build(t *testing.T, arguments ...string) string {
	t.Helper()
	verb, rest := arguments[0], arguments[1:]
	binary := filepath.Join(t.TempDir(), "binary")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{verb, "-o", binary}, rest...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+p.arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", arguments, err, out)
	}
	return binary
}
