// Package krew checks the plugin's manifest by the rules that krew has for it.
package krew

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// plugin has the fields of krew's v1alpha2 Plugin, and no others (sigs.k8s.io/krew, pkg/index/types.go).
type plugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string     `json:"version"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Homepage         string     `json:"homepage"`
		Platforms        []platform `json:"platforms"`
	} `json:"spec"`
}

type platform struct {
	URI      string `json:"uri"`
	Sha256   string `json:"sha256"`
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	Files []struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"files"`
	Bin string `json:"bin"`
}

// fill does what the release does.
func fill(text string) string {
	digest := strings.Repeat("0123456789abcdef", 4)
	for _, target := range []string{"LINUX_AMD64", "LINUX_ARM64", "DARWIN_AMD64", "DARWIN_ARM64"} {
		text = strings.ReplaceAll(text, "SHA256_"+target, digest)
	}
	return strings.ReplaceAll(text, "VERSION", "v1.2.3")
}

// TestManifest holds the filled manifest against what krew's validation asks for (internal/index/validation).
func TestManifest(t *testing.T) {
	raw, err := os.ReadFile("tlstrace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, object, _ := strings.Cut(string(raw), "apiVersion: ") // what is filled in is named in the comment, too
	var p plugin
	if err := yaml.UnmarshalStrict([]byte(fill("apiVersion: "+object)), &p); err != nil {
		t.Fatal(err)
	}
	if p.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || p.Kind != "Plugin" || p.Metadata.Name != "tlstrace" {
		t.Errorf("it is %s %s %s", p.APIVersion, p.Kind, p.Metadata.Name)
	}
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(p.Spec.Version) {
		t.Errorf("version %q", p.Spec.Version)
	}
	if s := p.Spec.ShortDescription; s == "" || len(s) > 50 || strings.ContainsAny(s, "\r\n") || strings.HasSuffix(s, ".") {
		t.Errorf("short description %q", s)
	}
	if p.Spec.Description == "" || p.Spec.Homepage == "" {
		t.Error("description or homepage is missing")
	}
	seen := map[string]bool{}
	for _, at := range p.Spec.Platforms {
		checkPlatform(t, at, seen)
	}
	if len(seen) != 4 {
		t.Errorf("%d platforms: %v", len(seen), seen)
	}
}

func checkPlatform(t *testing.T, p platform, seen map[string]bool) {
	t.Helper()
	labels := p.Selector.MatchLabels
	target := labels["os"] + "_" + labels["arch"]
	if seen[target] || len(labels) != 2 {
		t.Errorf("platform %v", labels)
	}
	seen[target] = true
	if want := "https://github.com/tlstrace/tlstrace/releases/download/v1.2.3/kubectl-tlstrace_v1.2.3_" + target + ".tar.gz"; p.URI != want {
		t.Errorf("%s: from %s", target, p.URI)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.Sha256) {
		t.Errorf("%s: digest %q", target, p.Sha256)
	}
	binary := false
	for _, f := range p.Files {
		binary = binary || f.From == p.Bin && f.To == "."
	}
	if p.Bin != "kubectl-tlstrace" || !binary {
		t.Errorf("%s: %q is not among the files", target, p.Bin)
	}
}
