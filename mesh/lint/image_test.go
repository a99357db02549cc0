package lint

import "testing"

func TestParseImage(t *testing.T) {
	for _, row := range []struct {
		reference, tag string
		pinned         bool
		version        string // "" if the tag has none
	}{
		{"proxyv2", "", false, ""},
		{"docker.io/istio/proxyv2:1.29.1", "1.29.1", false, "1.29.1"},
		{"registry:5000/istio/proxyv2", "", false, ""},
		{"registry:5000/istio/proxyv2:1.29.1-distroless", "1.29.1-distroless", false, "1.29.1"},
		{"istio/proxyv2:1.29", "1.29", false, "1.29"},
		{"istio/proxyv2:v1.29.1", "v1.29.1", false, "1.29.1"},
		{"istio/proxyv2:latest", "latest", false, ""},
		{"istio/proxyv2:1.29.1@sha256:abc", "1.29.1", true, "1.29.1"},
		{"istio/proxyv2@sha256:abc", "", true, ""},
		{"istio/proxyv2:1.29-alpha.9f8c", "1.29-alpha.9f8c", false, "1.29"},
		{"istio/proxyv2:129", "129", false, ""},
		{"istio/proxyv2:99999.1.1", "99999.1.1", false, ""},
	} {
		got := parseImage(row.reference)
		if got.tag != row.tag || got.pinned != row.pinned {
			t.Errorf("%s: tag %q, pinned %t", row.reference, got.tag, got.pinned)
		}
		v, ok := parseVersion(got.tag)
		if text := v.String(); ok != (row.version != "") || ok && text != row.version {
			t.Errorf("%s: version %s, %t", row.reference, text, ok)
		}
	}
}

func TestUnpinned(t *testing.T) {
	for reference, want := range map[string]bool{
		"istio/proxyv2:1.29.1": false, "istio/proxyv2:1.29": true, "istio/proxyv2:latest": true, "istio/proxyv2": true,
		"istio/proxyv2:1.29-latest": true, "istio/proxyv2:1.29.x": true, "istio/proxyv2:latest@sha256:abc": false, "auto": false,
		"istio/proxyv2:9f8c1d2": false, "istio/proxyv2:1.29-alpha.9f8c": false, "istio/proxyv2:1.29-distroless": true,
	} {
		if why := unpinned(reference); (why != "") != want {
			t.Errorf("%s: %q", reference, why)
		}
	}
}
