package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	text "text/template"
	"time"
)

// checkedAt is when every sample is judged.
func checkedAt() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// sample is one file of testdata/checks. Comments at its top say how it is to be read, and what has to be found:
//
//	# option istioVersion=1.29.1   an option
//	# want FIELD: TEXT             a finding of the check at this field, with this text in its message
//	# also TLT0103                 a finding of another check that is not in the way
type sample struct {
	path    string
	options Options
	partial bool // not the whole cluster
	want    [][2]string
	also    []string
}

func readSample(t *testing.T, a *authority, path string) (sample, *World) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := sample{path: path, options: Options{Now: checkedAt()}}
	for line := range strings.Lines(string(content)) {
		rest, comment := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !comment {
			break
		}
		m.directive(t, rest)
	}
	w := buildSample(t, a, m, string(content))
	return m, w
}

func (m *sample) directive(t *testing.T, line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "option":
		switch name, value, _ := strings.Cut(rest, "="); name {
		case "istioVersion":
			m.options.IstioVersion = value
		case "complete":
			m.partial = value == "false"
		default:
			t.Fatalf("%s: unknown option %s", m.path, name)
		}
	case "want":
		field, message, ok := strings.Cut(rest, ": ")
		if !ok {
			t.Fatalf("%s: want has no text: %s", m.path, line)
		}
		m.want = append(m.want, [2]string{field, message})
	case "also":
		m.also = append(m.also, rest)
	}
}

func buildSample(t *testing.T, a *authority, m sample, content string) *World {
	t.Helper()
	parsed, err := text.New(m.path).Funcs(a.functions()).Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, nil); err != nil {
		t.Fatal(err)
	}
	files := Files{Stdin: &out, Complete: !m.partial}
	set, err := files.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	return Build(m.options, set)
}

// TestChecks runs each check's manifests: what fails is found where it is, and what is valid is not reported, by this check or any other.
func TestChecks(t *testing.T) {
	a := newAuthority(t)
	for _, c := range catalog() {
		t.Run(c.ID, func(t *testing.T) {
			dir := filepath.Join("testdata", "checks", c.ID)
			t.Run("fail", func(t *testing.T) {
				m, w := readSample(t, a, filepath.Join(dir, "fail.yaml"))
				if len(m.want) == 0 {
					t.Fatal("says no want")
				}
				findings := Run(w, Checks()).Findings
				wantFindings(t, c.ID, m.want, findings)
				for _, f := range findings {
					if f.Check.ID != c.ID && !slices.Contains(m.also, f.Check.ID) {
						t.Errorf("one mistake is two findings: %s %s: %s", f.Check.ID, f.Field, f.Message)
					}
				}
			})
			for _, name := range []string{"pass", "near"} {
				t.Run(name, func(t *testing.T) {
					m, w := readSample(t, a, filepath.Join(dir, name+".yaml"))
					for _, f := range Run(w, Checks()).Findings {
						if !slices.Contains(m.also, f.Check.ID) {
							t.Errorf("%s %s %s: %s", f.Check.ID, f.Object.Name, f.Field, f.Message)
						}
					}
				})
			}
		})
	}
}

// wantFindings says whether each want is met by one finding, and each finding of the check meets one.
func wantFindings(t *testing.T, id string, want [][2]string, all []Finding) {
	t.Helper()
	var found []Finding
	for _, f := range all {
		if f.Check.ID == id {
			found = append(found, f)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d findings, want %d", len(found), len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Field == w[0] && strings.Contains(f.Message, w[1]) }) {
			t.Errorf("not found: %s: %s", w[0], w[1])
		}
	}
	if t.Failed() {
		for _, f := range found {
			t.Logf("found: %s: %s", f.Field, f.Message)
		}
	}
}

// TestChecksAreDocumented holds the list to what it promises to users.
func TestChecksAreDocumented(t *testing.T) {
	seen := map[string]string{}
	for _, c := range catalog() {
		if c.Name == "" || c.Summary == "" || c.Explain == "" || c.Fix == "" || c.Run == nil || !slices.Contains(Severities, c.Severity) || c.Topic == "" {
			t.Errorf("%s is not complete", c.ID)
		}
		for _, key := range []string{c.ID, c.Name} {
			if other := seen[key]; other != "" {
				t.Errorf("%s is that of %s and %s", key, other, c.ID)
			}
			seen[key] = c.ID
		}
		for _, code := range c.Known {
			if !strings.HasPrefix(code, "IST0") && !strings.HasPrefix(code, "KIA0") {
				t.Errorf("%s: %s is no code of istioctl or Kiali", c.ID, code)
			}
		}
	}
}

// TestChecksOfPartFiles: without the rest of the cluster nothing is missing, and what is wrong in itself is still found.
func TestChecksOfPartFiles(t *testing.T) {
	a := newAuthority(t)
	absent := []string{"TLT0305", "TLT0501", "TLT0502", "TLT0508", "TLT0702", "TLT0704", "TLT0904"}
	for _, c := range catalog() {
		m, _ := readSample(t, a, filepath.Join("testdata", "checks", c.ID, "fail.yaml"))
		m.partial = true
		content, err := os.ReadFile(m.path)
		if err != nil {
			t.Fatal(err)
		}
		w := buildSample(t, a, m, string(content))
		found := slices.ContainsFunc(Run(w, Checks()).Findings, func(f Finding) bool { return f.Check.ID == c.ID })
		if want := !slices.Contains(absent, c.ID); found != want {
			t.Errorf("%s: found %t, want %t", c.ID, found, want)
		}
	}
}

// TestEmptyObjects: objects without any specification are judged by nobody, and harm nobody.
func TestEmptyObjects(t *testing.T) {
	var objects []string
	for _, k := range []string{
		"v1 Pod", "v1 Service", "v1 Secret", "v1 ConfigMap", "v1 ServiceAccount", "apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet",
		"batch/v1 Job", "batch/v1 CronJob", "security.istio.io/v1 PeerAuthentication", "security.istio.io/v1 AuthorizationPolicy",
		"networking.istio.io/v1 DestinationRule", "networking.istio.io/v1 ServiceEntry", "networking.istio.io/v1 Gateway",
		"networking.istio.io/v1 VirtualService", "networking.istio.io/v1 Sidecar", "networking.istio.io/v1 WorkloadEntry",
		"gateway.networking.k8s.io/v1 Gateway",
	} {
		version, kind, _ := strings.Cut(k, " ")
		for _, spec := range []string{"", "spec: {}\n", "spec: null\n"} {
			objects = append(objects, "apiVersion: "+version+"\nkind: "+kind+"\nmetadata: {name: x"+strings.Repeat("x", len(spec))+", namespace: shop}\n"+spec)
		}
	}
	w := worldOf(t, objects...)
	for _, c := range catalog() {
		c.Run(w, func(f Finding) { t.Errorf("%s: %s", c.ID, f.Message) })
	}
}
