package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnavailable says that the servers cannot be built here, most likely because the Go module proxy is out of reach. The error
// that wraps it says why.
var ErrUnavailable = errors.New("cannot build etcd and kube-apiserver here")

// BuildTime bounds the build of the servers. On two cores it takes six minutes the first time, and seconds after that.
const BuildTime = 25 * time.Minute

// programs are what is built, by the name of the file and the package in the module ./server.
var programs = map[string]string{
	"etcd":           "go.etcd.io/etcd/server/v3",
	"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}

// release is the Kubernetes release whose API server is built.
type release struct {
	source  string // folder of the module ./server
	version string // "v1.37.2"
	digest  string // of everything that decides what is built
}

var kubernetesVersion = regexp.MustCompile(`(?m)^\s*(?:require )?k8s\.io/kubernetes (v\d+\.\d+\.\d+)`)

// readRelease finds the module ./server from any folder of the product's module, where Go runs tests.
func readRelease() (release, error) {
	root, err := moduleRoot()
	if err != nil {
		return release{}, err
	}
	source := filepath.Join(root, "test", "cluster", "server")
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return release{}, err
	}
	version := kubernetesVersion.FindSubmatch(mod)
	if version == nil {
		return release{}, fmt.Errorf("%s/go.mod requires no k8s.io/kubernetes", source)
	}
	sum := sha256.Sum256(fmt.Appendf(mod, "%s %q", runtime.Version(), buildFlags(string(version[1]))))
	return release{source: source, version: string(version[1]), digest: fmt.Sprintf("%x", sum[:4])}, nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "cluster", "server", "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("test/cluster/server/go.mod is in no folder above this one: run the test with go test")
}

// buildFlags must be the same for every build: another -trimpath, for example, compiles everything again.
func buildFlags(version string) []string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	const base = "-X k8s.io/component-base/version."
	// The version that the server reports; a client decides by it what it may ask for.
	ldflags := fmt.Sprintf("-s -w %[1]sgitVersion=%[2]s %[1]sgitMajor=%[3]s %[1]sgitMinor=%[4]s", base, version, parts[0], parts[1])
	return []string{"-buildvcs=false", "-mod=readonly", "-p=2", "-trimpath", "-ldflags", ldflags}
}

// CacheDir is where binaries are kept: $TLSTRACE_CACHE/cluster, else tlstrace/cluster in the user's cache directory.
func CacheDir() (string, error) {
	cache := os.Getenv("TLSTRACE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache directory (TLSTRACE_CACHE names another): %w", err)
		}
		cache = filepath.Join(user, "tlstrace")
	}
	return filepath.Join(cache, "cluster"), nil
}

// Binaries returns the folder with the programs etcd and kube-apiserver, and builds them if the cache does not have them.
// Packages that are tested at the same time build once: the others wait. The error wraps ErrUnavailable if the build fails.
func Binaries(ctx context.Context, cache string) (string, error) {
	r, err := readRelease()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, fmt.Sprintf("%s-%s-%s-%s", r.version, runtime.GOOS, runtime.GOARCH, r.digest))
	if built(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if built(dir) { // by whoever had the lock
		return dir, nil
	}
	return dir, r.build(ctx, dir)
}

func built(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// lock waits for an exclusive lock on a file, which the kernel releases when this process ends, however it ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("%w: another process still builds them: %w", ErrUnavailable, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// build makes the programs beside their place and moves them there when both are complete.
func (r release) build(ctx context.Context, dir string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(dir), ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	complete := filepath.Join(scratch, "bin")
	for name, pkg := range programs {
		if err := r.compile(ctx, filepath.Join(complete, name), pkg); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return os.Rename(complete, dir)
}

func (r release) compile(ctx context.Context, binary, pkg string) error {
	args := append([]string{"build"}, buildFlags(r.version)...)
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", binary, pkg)...)
	cmd.Dir = r.source
	// The product's own flags and workspace do not apply to this module.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("go build %s: %w (what is compiled so far is kept: run the test again, or with a longer -timeout)", pkg, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, lastLines(string(out), 10))
	}
	return nil
}
