package kernels

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// Release is a kernel to test on, named by its upstream version and found in a Debian suite.
type Release struct {
	Name  string // upstream version: "6.1"; "arm64-6.1" for another architecture than amd64
	Arch  string // Go's and Debian's name of the architecture: "amd64"
	Suite string // Debian suite that carries it: "bookworm"
	// kernel matches the packages that hold the kernel image; the newest of the suite is taken.
	kernel *regexp.Regexp
	// userland are the packages that go with it: OpenSSL of the same suite and what it links to.
	userland []string
	// python matches the packages of an interpreter, for the tests that talk to one; the newest of the suite is taken. nil: none.
	python *regexp.Regexp
}

// pythonMinimal is Python with what its ssl module needs.
var pythonMinimal = regexp.MustCompile(`^python3\.\d+-minimal$`)

// Releases lists the kernels of each architecture in the order of their age. Suites move: which version a suite has today is in [Image.Version].
func Releases() []Release {
	return []Release{
		{
			Name: "5.10", Arch: "amd64", Suite: "bullseye",
			kernel:   regexp.MustCompile(`^linux-image-5\.10\.0-\d+-cloud-amd64$`),
			userland: []string{"openssl", "libssl1.1", "libc6", "libexpat1", "zlib1g"},
			python:   pythonMinimal,
		},
		{
			Name: "6.1", Arch: "amd64", Suite: "bookworm",
			kernel:   regexp.MustCompile(`^linux-image-6\.1\.0-\d+-cloud-amd64$`),
			userland: []string{"openssl", "libssl3", "libc6", "libexpat1", "zlib1g"},
			python:   pythonMinimal,
		},
		{
			Name: "6.12", Arch: "amd64", Suite: "trixie",
			kernel:   regexp.MustCompile(`^linux-image-6\.12\.\d+\+deb13-cloud-amd64$`),
			userland: []string{"openssl", "libssl3t64", "libc6", "libzstd1", "libexpat1", "zlib1g"},
			python:   pythonMinimal,
		},
		{
			Name: "7.2", Arch: "amd64", Suite: "sid",
			kernel:   regexp.MustCompile(`^linux-binary-7\.2\.\d+\+deb14-cloud-amd64$`),
			userland: []string{"openssl", "libssl3t64", "libc6", "libzstd1", "libexpat1", "zlib1g", "libgcc-s1"},
			python:   pythonMinimal,
		},
		{
			Name: "arm64-6.1", Arch: "arm64", Suite: "bookworm",
			kernel:   regexp.MustCompile(`^linux-image-6\.1\.0-\d+-cloud-arm64$`),
			userland: []string{"openssl", "libssl3", "libc6", "libexpat1", "zlib1g", "busybox-static"},
			python:   pythonMinimal,
		},
		{
			Name: "arm64-6.12", Arch: "arm64", Suite: "trixie",
			kernel:   regexp.MustCompile(`^linux-image-6\.12\.\d+\+deb13-cloud-arm64$`),
			userland: []string{"openssl", "libssl3t64", "libc6", "libzstd1", "libexpat1", "zlib1g", "busybox-static"},
			python:   pythonMinimal,
		},
	}
}

// recipe is what an image of the release is made of: one that was made of something else is not the image of this release.
func (r Release) recipe() string {
	parts := append([]string{r.Suite, r.kernel.String()}, r.userland...)
	if r.python != nil {
		parts = append(parts, r.python.String())
	}
	return strings.Join(parts, "\n")
}

// hostName stands for the kernel of this machine.
const hostName = "host"

// FindReleases resolves a list such as "5.10,6.1,host"; "all" is every release and this machine.
func FindReleases(list string) ([]Release, error) {
	host := Release{Name: hostName, Arch: runtime.GOARCH}
	if list == "all" {
		return append(Releases(), host), nil
	}
	var found []Release
	for name := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(name) == hostName {
			found = append(found, host)
			continue
		}
		r, err := findRelease(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

func findRelease(name string) (Release, error) {
	var known []string
	for _, r := range Releases() {
		if r.Name == name {
			return r, nil
		}
		known = append(known, r.Name)
	}
	return Release{}, fmt.Errorf("kernel %q is not one of %s, host, all", name, strings.Join(known, ", "))
}
