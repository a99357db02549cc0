package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// image is a reference to a container image, taken apart.
type image struct {
	tag    string // "" if it has none
	pinned bool   // by a digest
}

// parseImage takes registry:5000/istio/proxyv2:1.29.1@sha256:... apart.
func parseImage(reference string) image {
	name, digest, pinned := strings.Cut(reference, "@")
	last := name[strings.LastIndexByte(name, '/')+1:]
	_, tag, _ := strings.Cut(last, ":")
	return image{tag: tag, pinned: pinned && digest != ""}
}

// version is that of an Istio release. patch is -1 for one that is not named, as in the moving tag 1.29.
type version struct{ major, minor, patch int }

// versionText finds 1.29.1 in a tag like 1.29.1-distroless, and 1.29 in 1.29 or 1.29-latest.
var versionText = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:$|[-+_.])`)

// parseVersion reads a version or an image's tag. False for a name (latest, a build's hash).
func parseVersion(text string) (version, bool) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return version{}, false
	}
	v := version{patch: -1}
	v.major, _ = strconv.Atoi(m[1])
	v.minor, _ = strconv.Atoi(m[2])
	if m[3] != "" {
		v.patch, _ = strconv.Atoi(m[3])
	}
	return v, true
}

func (v version) String() string {
	if v.patch < 0 {
		return fmt.Sprintf("%d.%d", v.major, v.minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
}

// fits says whether a version is the expected one, of which the patch may be left open.
func (v version) fits(expected version) bool {
	return v.major == expected.major && v.minor == expected.minor && (expected.patch < 0 || v.patch < 0 || v.patch == expected.patch)
}

// compare orders versions; an unnamed patch is equal to any.
func (v version) compare(other version) int {
	patch := 0
	if v.patch >= 0 && other.patch >= 0 {
		patch = cmp.Compare(v.patch, other.patch)
	}
	return cmp.Or(cmp.Compare(v.major, other.major), cmp.Compare(v.minor, other.minor), patch)
}
