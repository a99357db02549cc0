package kernels

import (
	"fmt"
	"regexp"
	"strings"
)

// Release is a kernel to test on, named by its upstream version and found in a Debian suite.
type Release struct {
	Name  string // upstream version: "6.1"
	Suite string // Debian suite that carries it: "bookworm"
	// kernel matches the packages that hold the kernel image; the newest of the suite is taken.
	kernel *regexp.Regexp
	// userland are the packages that go with it: OpenSSL of the same suite and what it links to.
	userland []string
}

// Releases lists the kernels in the order of their age. Suites move: which version a suite has today is in [Image.Version].
func Releases() []Release {
	return []Release{
		{
			Name: "5.10", Suite: "bullseye",
			kernel:   regexp.MustCompile(`^linux-image-5\.10\.0-\d+-cloud-amd64$`),
			userland: []string{"openssl", "libssl1.1", "libc6"},
		},
		{
			Name: "6.1", Suite: "bookworm",
			kernel:   regexp.MustCompile(`^linux-image-6\.1\.0-\d+-cloud-amd64$`),
			userland: []string{"openssl", "libssl3", "libc6"},
		},
		{
			Name: "6.12", Suite: "trixie",
			kernel:   regexp.MustCompile(`^linux-image-6\.12\.\d+\+deb13-cloud-amd64$`),
			userland: []string{"openssl", "libssl3t64", "libc6", "libzstd1", "zlib1g"},
		},
		{
			Name: "7.2", Suite: "sid",
			kernel:   regexp.MustCompile(`^linux-binary-7\.2\.\d+\+deb14-cloud-amd64$`),
			userland: []string{"openssl", "libssl3t64", "libc6", "libzstd1", "zlib1g"},
		},
	}
}

// FindReleases resolves a list such as "5.10,6.1"; "all" is every release.
func FindReleases(list string) ([]Release, error) {
	if list == "all" {
		return Releases(), nil
	}
	var found []Release
	for name := range strings.SplitSeq(list, ",") {
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
	return Release{}, fmt.Errorf("kernel %q is not one of %s, all", name, strings.Join(known, ", "))
}
