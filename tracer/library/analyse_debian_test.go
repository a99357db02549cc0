package library

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// debian is a Debian suite for one architecture, from which libraries are taken as they ship.
type debian struct {
	suite, arch string
	version     string // of the OpenSSL that it holds, as far as that does not move
	openssl     string // package of the shared OpenSSL
	gnutls      string // package of GnuTLS
}

var suites = []debian{
	{"bullseye", "amd64", "1.1.1", "libssl1.1", "libgnutls30"},
	{"bullseye", "arm64", "1.1.1", "libssl1.1", "libgnutls30"},
	{"bookworm", "amd64", "3.0.", "libssl3", "libgnutls30"},
	{"bookworm", "arm64", "3.0.", "libssl3", "libgnutls30"},
	{"trixie", "amd64", "3.5.", "libssl3t64", "libgnutls30t64"},
	{"trixie", "arm64", "3.5.", "libssl3t64", "libgnutls30t64"},
	{"sid", "amd64", "3.", "libssl3t64", "libgnutls30t64"},
	{"sid", "arm64", "3.", "libssl3t64", "libgnutls30t64"},
}

func (d debian) String() string { return d.suite + "/" + d.arch }

// packages are the libraries, the static libssl, whose symbols say where a function is in the shared one, and what it takes
// to run the suite's own openssl on another suite's machine.
func (d debian) packages() []string {
	common := []string{d.openssl, d.gnutls, "libssl-dev"}
	if d.arch == "amd64" {
		common = append(common, "openssl", "libc6", "zlib1g", "libzstd1")
	}
	return common
}

// root returns a directory with the suite's files, downloaded once to $TLSTRACE_CACHE or the user's cache directory. Without
// the archive the test is skipped; in CI it fails.
func (d debian) root(t testing.TB) string {
	t.Helper()
	root, err := d.fetch(t.Context())
	if err != nil {
		unavailable(t, "fetch %s: %v", d, err)
	}
	return root
}

// unavailable skips a test for want of something that only CI is sure to have.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// file returns the path of the one file below the root that matches.
func (d debian) file(t testing.TB, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.root(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %d files %s, want 1", d, len(found), pattern)
	}
	return found[0]
}

func (d debian) fetch(ctx context.Context) (string, error) {
	cache := os.Getenv("TLSTRACE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "tlstrace")
	}
	root := filepath.Join(cache, "libraries", d.suite+"-"+d.arch)
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(root), ".download-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	if err := d.download(ctx, scratch); err != nil {
		return "", err
	}
	return root, os.Rename(filepath.Join(scratch, "root"), root)
}

// keyring verifies the archive's signatures (package debian-archive-keyring).
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// download uses an apt whose root is the scratch directory: nothing of this machine's apt is written, and of its settings only
// the way to its mirror is read.
const download = `set -e
mkdir -p etc/apt/apt.conf.d etc/apt/preferences.d var/lib/apt/lists/partial var/cache/apt/archives/partial root/usr/lib root/usr/bin
ln -s usr/lib root/lib; ln -s usr/lib root/lib64; ln -s usr/bin root/bin
mirror=${TLSTRACE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/\?$')}
{ apt-config dump --no-empty --format '%F "%v";%n' Acquire::http Acquire::https Acquire::Check-Valid-Until Acquire::Check-Date
  echo "Dir \"$PWD/\"; Dir::State::status \"/dev/null\"; APT::Architecture \"$arch\"; APT::Architectures \"$arch\";"
  echo 'APT::Sandbox::User "root"; APT::Update::Error-Mode "any"; Acquire::Languages "none";'
} > apt.conf
echo "deb [signed-by=$keyring] $mirror $suite main" > etc/apt/sources.list
export APT_CONFIG=$PWD/apt.conf
apt-get update
apt-get download "$@"
for deb in *.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C root; done`

func (d debian) download(ctx context.Context, scratch string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", download, "sh"}, d.packages()...)...)
	cmd.Dir = scratch
	cmd.Env = append(os.Environ(), "suite="+d.suite, "arch="+d.arch, "keyring="+keyring)
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return nil
}

// analyse runs Analyse on a file.
func analyse(t testing.TB, path string) ([]Target, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Analyse(f, info.Size())
}

// target returns the one target of a family in a file.
func target(t testing.TB, path string, family Family) Target {
	t.Helper()
	all, err := analyse(t, path)
	if err != nil {
		t.Fatalf("Analyse(%s): %v", path, err)
	}
	for _, found := range all {
		if found.Family == family {
			return found
		}
	}
	t.Fatalf("Analyse(%s) found %+v, want one of family %s", path, all, family)
	return Target{}
}

// offsets lists where a target has a probe.
func (t Target) offsets(p Probe) []uint64 {
	var all []uint64
	for _, point := range t.Points {
		if point.Probe == p {
			all = append(all, point.Offset)
		}
	}
	return all
}
