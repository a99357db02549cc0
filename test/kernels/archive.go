package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrUnavailable says that this machine lacks something that the virtual machines need. The error that wraps it names it.
var ErrUnavailable = errors.New("cannot run virtual machines here")

// debianKeyring verifies the archive's signatures (package debian-archive-keyring).
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// archive is one suite of the Debian archive. It is read through an apt whose root is a scratch directory: neither the sources
// nor the package lists nor the status of this machine are read or written.
type archive struct {
	dir  string // root of the scratch apt; packages are downloaded to it
	arch string // Debian's name of the packages' architecture
}

// openArchive fetches the package lists of a suite; apt checks their signatures, and through them every package.
func openArchive(ctx context.Context, dir, suite, arch string) (archive, error) {
	a := archive{dir: dir, arch: arch}
	if _, err := os.Stat(debianKeyring); err != nil {
		return a, fmt.Errorf("%w: install debian-archive-keyring: %w", ErrUnavailable, err)
	}
	if err := a.configure(ctx, suite); err != nil {
		return a, fmt.Errorf("configure apt for %s: %w", suite, err)
	}
	_, err := a.apt(ctx, "apt-get", "update")
	return a, err
}

// inherited are the settings of this machine's apt that say how its mirror is reached and how old the mirror's lists may be.
// Signatures are checked whatever they say.
var inherited = []string{"Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date"}

// configure writes what the scratch apt reads. Packages come from the mirror that this machine's own come from.
func (a archive) configure(ctx context.Context, suite string) error {
	mirror, err := debianMirror(ctx)
	if err != nil {
		return err
	}
	settings, err := command(ctx, nil, "apt-config", append([]string{"dump", "--no-empty", "--format", `%F "%v";%n`}, inherited...)...)
	if err != nil {
		return err
	}
	for _, d := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return err
		}
	}
	// Moving Dir moves everything that is relative to it. The sandbox user could not write to a private directory.
	conf := fmt.Sprintf(`%s
Dir "%s/";
Dir::State::status "/dev/null";
APT::Architecture "%s";
APT::Architectures "%s";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
`, settings, a.dir, a.arch, a.arch)
	if err := os.WriteFile(a.config(), []byte(conf), 0o644); err != nil {
		return err
	}
	source := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", debianKeyring, mirror, suite)
	return os.WriteFile(filepath.Join(a.dir, "etc/apt/sources.list"), []byte(source), 0o644)
}

func (a archive) config() string { return filepath.Join(a.dir, "apt.conf") }

// newest returns the package whose name begins with a prefix, matches and has the highest numbers in it.
func (a archive) newest(ctx context.Context, prefix string, name *regexp.Regexp) (string, error) {
	out, err := a.apt(ctx, "apt-cache", "pkgnames", prefix)
	if err != nil {
		return "", err
	}
	matching := slices.DeleteFunc(strings.Fields(out), func(p string) bool { return !name.MatchString(p) })
	if len(matching) == 0 {
		return "", fmt.Errorf("no package of the suite matches %s", name)
	}
	return slices.MaxFunc(matching, func(x, y string) int { return slices.Compare(numbers(x), numbers(y)) }), nil
}

var digits = regexp.MustCompile(`\d+`)

func numbers(s string) []int {
	var all []int
	for _, d := range digits.FindAllString(s, -1) {
		n, _ := strconv.Atoi(d) // package names hold no number that overflows
		all = append(all, n)
	}
	return all
}

// unpack downloads packages and lays their files out below root, without running anything of theirs.
func (a archive) unpack(ctx context.Context, root string, packages ...string) error {
	if _, err := a.apt(ctx, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(a.dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := unpackDeb(ctx, root, deb); err != nil {
			return err
		}
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	return nil
}

// unpackDeb keeps symbolic links in root that stand for directories: /lib is /usr/lib, also for packages that still say /lib.
func unpackDeb(ctx context.Context, root, deb string) error {
	const pipe = `set -e; dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"`
	_, err := command(ctx, nil, "sh", "-c", pipe, "sh", deb, root)
	return err
}

func (a archive) apt(ctx context.Context, tool string, args ...string) (string, error) {
	return command(ctx, &exec.Cmd{Dir: a.dir, Env: append(os.Environ(), "APT_CONFIG="+a.config())}, tool, args...)
}

// debianMirror is $TLSTRACE_DEBIAN_MIRROR, else the mirror that this machine's own apt uses.
func debianMirror(ctx context.Context) (string, error) {
	if mirror := os.Getenv("TLSTRACE_DEBIAN_MIRROR"); mirror != "" {
		return mirror, nil
	}
	uris, err := command(ctx, nil, "apt-get", "indextargets", "--format", "$(REPO_URI)")
	if err != nil {
		return "", err
	}
	for uri := range strings.FieldsSeq(uris) {
		if strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/debian") {
			return uri, nil
		}
	}
	return "", fmt.Errorf("%w: apt has no Debian mirror: set TLSTRACE_DEBIAN_MIRROR to the URI of one", ErrUnavailable)
}
