package libraries

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/kernels"
)

// downloadTime bounds all downloads of one thing.
const downloadTime = 10 * time.Minute

// suiteRoot lays out the OpenSSL of a Debian suite, which comes from the images that the kernels are tested with.
func suiteRoot(t testing.TB, kernel string) string {
	t.Helper()
	cache, err := kernels.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	releases, err := kernels.FindReleases(kernel)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), downloadTime)
	defer cancel()
	image, err := kernels.Fetch(ctx, releases[0], cache)
	if errors.Is(err, kernels.ErrUnavailable) && os.Getenv("CI") != "true" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	archive, err := os.Open(image.Userland)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	cpio := exec.Command("cpio", "--extract", "--make-directories", "--quiet")
	cpio.Dir, cpio.Stdin = root, archive
	if out, err := cpio.CombinedOutput(); err != nil {
		t.Fatalf("unpack %s: %v: %s", image.Userland, err, out)
	}
	return root
}

// bunPackage is the build for machines without AVX2.
const bunPackage = "@oven/bun-linux-x64-baseline"

// bunBinary returns the program of the npm package, downloaded if it is not in the cache.
func bunBinary(t testing.TB) string {
	t.Helper()
	cache, err := kernels.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(cache), "bun")
	binary := filepath.Join(dir, "package/bin/bun")
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(dir), ".download-bun-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(context.Background(), downloadTime)
	defer cancel()
	fetch := exec.CommandContext(ctx, "sh", "-c", "npm pack --silent "+bunPackage+" && tar -xzf *.tgz && rm *.tgz")
	fetch.Dir = scratch
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("fetch %s: %v: %s", bunPackage, err, out)
	}
	// Moved when it is complete: an interrupted run leaves no half of it.
	if err := os.Rename(scratch, dir); err != nil {
		t.Fatal(err)
	}
	return binary
}

// reported is what a program prints about its version.
func reported(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("%s: %v", argv, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
}

// linkedTo is the file behind symbolic links, as the kernel names it.
func linkedTo(t testing.TB, path string) string {
	t.Helper()
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
