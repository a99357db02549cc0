package library

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// npmPackage is a program that ships in a package of npm's. The versions are fixed, since what is in the programs is known.
type npmPackage struct{ name, version, file string }

var (
	bunAMD64 = npmPackage{"@oven/bun-linux-x64-baseline", "1.4.5", "bin/bun"}
	bunARM64 = npmPackage{"@oven/bun-linux-aarch64", "1.4.5", "bin/bun"}
	// workerd has a static BoringSSL too, position independent and with symbols, but only its crypto folder is in use.
	workerdAMD64 = npmPackage{"@cloudflare/workerd-linux-64", "1.20261117.1", "bin/workerd"}
	workerdARM64 = npmPackage{"@cloudflare/workerd-linux-arm64", "1.20261117.1", "bin/workerd"}
)

// npmTimeout bounds a download of a hundred megabytes.
const npmTimeout = 3 * time.Minute

// npmFile returns the path of a package's program, downloaded once to $TLSTRACE_CACHE or the user's cache directory. Without
// the registry the test is skipped, also in CI: what is found in the file does not depend on the machine.
func npmFile(t testing.TB, p npmPackage) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), npmTimeout)
	defer cancel()
	path, err := p.fetch(ctx)
	if err != nil {
		t.Skipf("fetch %s@%s: %v", p.name, p.version, err)
	}
	return path
}

func (p npmPackage) fetch(ctx context.Context) (string, error) {
	cache := os.Getenv("TLSTRACE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "tlstrace")
	}
	dir := filepath.Join(cache, "npm", filepath.Base(p.name)+"-"+p.version)
	path := filepath.Join(dir, "node_modules", p.name, p.file)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(dir), ".download-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	// --force: the package may be for another processor.
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", scratch, "--force", "--ignore-scripts", "--no-save",
		"--no-audit", "--no-fund", p.name+"@"+p.version)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %.300s", err, out)
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return path, os.Rename(scratch, dir)
}

// androidFile is a library of Debian's android-libboringssl.
func androidFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("/usr/lib/x86_64-linux-gnu/android", name)
	if _, err := os.Stat(path); err != nil {
		unavailable(t, "no BoringSSL from Debian (android-libboringssl): %v", err)
	}
	return path
}

func TestBoringSSLShared(t *testing.T) {
	for name, want := range map[string]map[Probe]string{
		"libcrypto.so.0": {ProbePutError: "ERR_put_error", ProbeVerifyResult: "X509_STORE_CTX_get_error"},
		"libssl.so.0":    {ProbeGetError: "SSL_get_error"},
	} {
		img := openImage(t, androidFile(t, name))
		found, err := findBoringSSL(img)
		if err != nil || found == nil || len(found.Points) != len(want) || found.Note != "" {
			t.Fatalf("%s: %+v, %v, want %d points and no note", name, found, err, len(want))
		}
		for probe, symbol := range want {
			if got := found.offsets(probe); !slices.Equal(got, []uint64{boringOffset(t, img, symbol)}) {
				t.Errorf("%s: %s at %#x, want %s", name, probe, got, symbol)
			}
		}
		if _, verifies := want[ProbeVerifyResult]; verifies && found.Layout != (Layout{VerifyError: 0xb0, VerifyDepth: 0xac}) {
			t.Errorf("%s: layout %+v", name, found.Layout)
		}
	}
}

func boringOffset(t testing.TB, img *Image, name string) uint64 {
	t.Helper()
	addr, ok := img.Symbol(name)
	if !ok {
		t.Fatalf("no symbol %s", name)
	}
	offset, ok := img.Offset(addr)
	if !ok {
		t.Fatalf("%s at %#x is not in the file", name, addr)
	}
	return offset
}

// Where there are symbols, the function with the most calls is the one that they call ERR_put_error.
func TestBoringSSLCallsAgreeWithSymbols(t *testing.T) {
	if os.Getenv("TLSTRACE_FULL") == "" {
		t.Skip("downloads 300 MB: set TLSTRACE_FULL=1")
	}
	for _, p := range []npmPackage{workerdAMD64, workerdARM64} {
		t.Run(p.name, func(t *testing.T) {
			img := openImage(t, npmFile(t, p))
			names, err := sourcesIn(img, "crypto")
			if err != nil {
				t.Fatal(err)
			}
			find, _ := errorCallsOf(img.Machine())
			counted, err := countCalls(img, names, find)
			if err != nil {
				t.Fatal(err)
			}
			best := counted.best()
			if want, _ := img.Symbol("ERR_put_error"); best.target != want || !best.clear() {
				t.Errorf("%+v, want a clear majority for %#x", best, want)
			}
			if found, err := findBoringSSL(img); found != nil || err != nil {
				t.Errorf("findBoringSSL: %+v, %v, want nil where only crypto is used", found, err)
			}
		})
	}
}

// The places in Bun for amd64 were seen to run ([TestBoringSSLStrippedFires], [TestBoringSSLVerifyStrippedFires]), those for arm64
// were read in its code.
func TestBoringSSLStatic(t *testing.T) {
	for p, want := range map[npmPackage][]Point{
		bunAMD64: {{ProbePutError, 0x2074360}, {ProbeVerifyCode, 0x23920a3}},
		bunARM64: {{ProbePutError, 0x1e03880}, {ProbeVerifyCode, 0x213a7ac}},
	} {
		t.Run(p.name, func(t *testing.T) {
			found, err := findBoringSSL(openImage(t, npmFile(t, p)))
			if err != nil || found == nil || !slices.Equal(found.Points, want) {
				t.Errorf("findBoringSSL: %+v, %v, want %+v", found, err, want)
			}
		})
	}
}

// A scan of a new binary of 100 MB takes less than 100 ms of CPU (median), and memory that does not depend on its size.
func TestBoringSSLCost(t *testing.T) {
	path := npmFile(t, bunAMD64)
	var costs []time.Duration
	for range 7 {
		img, before := openImage(t, path), cpuTime(t)
		if _, err := findBoringSSL(img); err != nil {
			t.Fatal(err)
		}
		costs = append(costs, cpuTime(t)-before)
	}
	slices.Sort(costs)
	if median := costs[len(costs)/2]; median > 100*time.Millisecond {
		t.Errorf("%s of CPU (median), want 100ms; all: %s", median, costs)
	}
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := findBoringSSL(openImage(b, path)); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 8<<20 {
		t.Errorf("%d bytes allocated, want 8 MB at most", allocated)
	}
}

// cpuTime is what this process has used, in user space and in the kernel.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
