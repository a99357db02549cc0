package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func readText(t testing.TB, text string) *Set {
	t.Helper()
	files := Files{Stdin: strings.NewReader(text)}
	set, err := files.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// located spells what was found while reading: check, object, line.
func located(s *Set) []string {
	all := Run(Build(Options{Now: time.Unix(0, 0)}, s), inputChecks())
	var out []string
	for _, f := range all.Findings {
		out = append(out, f.Check.ID+" "+nameOf(Meta{Ref: f.Object})+":"+strconv.Itoa(f.Line))
	}
	slices.Sort(out)
	return out
}

func objectNames(s *Set) []string {
	var out []string
	for _, o := range s.objects {
		out = append(out, titled(*o.meta())+":"+strconv.Itoa(o.meta().Line))
	}
	slices.Sort(out)
	return out
}

const strict = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: x}\nspec: {mtls: {mode: STRICT}}\n"

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		objects    []string
		found      []string
		ignored    map[string]int
	}{
		{name: "an object", text: strict, objects: []string{"PeerAuthentication x/a:1"}},
		{name: "behind a byte order mark", text: "\xef\xbb\xbf" + strict, objects: []string{"PeerAuthentication x/a:1"}},
		{
			name: "an older version is the same", text: strings.Replace(strict, "/v1\n", "/v1beta1\n", 1),
			objects: []string{"PeerAuthentication x/a:1"},
		},
		{
			name: "no namespace is the default one", text: strings.Replace(strict, ", namespace: x", "", 1),
			objects: []string{"PeerAuthentication default/a:1"},
		},
		{
			name: "a broken document leaves the others alone", text: strict + "---\na: [\n---\n{{- if .Values.x }}\n---\n" + strings.Replace(strict, "name: a", "name: b", 1),
			objects: []string{"PeerAuthentication x/a:1", "PeerAuthentication x/b:10"},
			found:   []string{"TLT0001 :6", "TLT0001 :8"},
		},
		{
			name: "an unknown version of a known kind", text: strings.Replace(strict, "/v1\n", "/v2\n", 1),
			found: []string{"TLT0002 x/a:1"},
		},
		{
			name: "a value that does not exist drops the object, as the API server does", text: strings.Replace(strict, "STRICT", "STRIKT", 1),
			found: []string{"TLT0003 x/a:4"},
		},
		{
			name: "a value of another type", text: strings.Replace(strict, "{mode: STRICT}", "[STRICT]", 1),
			found: []string{"TLT0003 x/a:4"},
		},
		{
			name: "a field that does not exist", text: strings.Replace(strict, "{mtls: {mode: STRICT}}", "\n  mtls:\n    mdoe: STRICT", 1),
			objects: []string{"PeerAuthentication x/a:1"}, found: []string{"TLT0004 x/a:6"},
		},
		{name: "no name", text: strings.Replace(strict, "name: a, ", "", 1), found: []string{"TLT0003 x/:3"}},
		{
			name: "twice", text: strict + "---\n" + strict,
			objects: []string{"PeerAuthentication x/a:6"}, found: []string{"TLT0005 x/a:6"},
		},
		{
			name: "other kinds are counted", text: "apiVersion: example.com/v1\nkind: Gateway\nmetadata: {name: g}\n---\nreplicas: 3\n",
			ignored: map[string]int{"Gateway.example.com/v1": 1},
		},
		{
			name:    "a list of kubectl",
			text:    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: a}\n- apiVersion: v1\n  kind: Service\n  metadata: {name: b}\n",
			objects: []string{"Namespace a:4", "Service default/b:7"},
		},
		{
			name:    "a typed list, whose items do not say what they are",
			text:    "apiVersion: v1\nkind: NamespaceList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n",
			objects: []string{"Namespace a:4", "Namespace b:5"},
		},
		{
			name:    "JSON, one object after the other",
			text:    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\n\"metadata\":{\"name\":\"a\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"b\"}}\n",
			objects: []string{"Namespace a:1", "Namespace b:3"},
		},
		{
			name:    "a JSON list",
			text:    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a\"}},\n{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"b\"}}]}",
			objects: []string{"Namespace a:2", "Namespace b:3"},
		},
		{name: "YAML that looks like JSON", text: "{apiVersion: v1, kind: Namespace, metadata: {name: a}}", objects: []string{"Namespace a:1"}},
		{
			name:  "a label that is no text",
			text:  "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {version: 1.0}\n",
			found: []string{"TLT0003 :3"},
		},
		{
			name:    "an annotation that ignores what does not exist",
			text:    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  annotations:\n    tlstrace.dev/ignore: TLT9999\n",
			objects: []string{"Namespace a:1"}, found: []string{"TLT0009 a:6"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := readText(t, c.text)
			if diff := cmp.Diff(c.objects, objectNames(set)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.found, located(set)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if c.ignored != nil {
				if diff := cmp.Diff(c.ignored, set.Ignored()); diff != "" {
					t.Errorf("ignored (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestReadDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": namespaceNamed("a"), "deep/b.yml": namespaceNamed("b"), "deep/c.json": `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"c"}}`,
		"notes.txt": namespaceNamed("text"), ".git/d.yaml": namespaceNamed("hidden"),
		"chart/Chart.yaml": "name: x", "chart/templates/e.yaml": "{{ template }}",
		"kustom/kustomization.yaml": "resources: [f.yaml]", "kustom/f.yaml": namespaceNamed("f"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	set, err := new(Files).Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Namespace a:1", "Namespace b:1", "Namespace c:1", "Namespace f:1"}, objectNames(set)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := located(set); len(got) != 2 || !strings.Contains(got[0], "chart") || !strings.Contains(got[1], "kustom") {
		t.Errorf("what is said of the chart and the kustomization: %q", got)
	}
}

func namespaceNamed(name string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + "}\n"
}

func TestReadWhatIsNotThere(t *testing.T) {
	if _, err := new(Files).Read(filepath.Join(t.TempDir(), "nothing.yaml")); err == nil {
		t.Error("no error for a file that does not exist")
	}
}

// FuzzRead looks for manifests that make reading or a check panic.
func FuzzRead(f *testing.F) {
	f.Add(strict)
	f.Add("{\"kind\":\"List\",\"items\":[{}]}")
	f.Add("a: &a\n  <<: *a\n")
	for _, text := range []string{bigDeployment, bigPod} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := Build(Options{Now: time.Unix(1800000000, 0)}, readText(t, text))
		for _, found := range Run(w, Checks()).Findings {
			if found.Check == nil || found.Severity.rank() == len(Severities) {
				t.Errorf("a finding without a check or severity: %+v", found)
			}
		}
	})
}
