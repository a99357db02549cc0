package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// value is a documented value of the chart.
type value struct {
	path, preset, about string
}

// documented reads values.yaml: a key with a comment is a value, and a key whose own keys have comments is a group of them.
func documented(t *testing.T) []value {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	must(t, err)
	var document yaml.Node
	must(t, yaml.Unmarshal(text, &document))
	return valuesIn(t, document.Content[0], "")
}

func valuesIn(t *testing.T, mapping *yaml.Node, prefix string) []value {
	t.Helper()
	var all []value
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, v := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		if v.Kind == yaml.MappingNode && slices.ContainsFunc(v.Content, func(n *yaml.Node) bool { return n.HeadComment != "" }) {
			all = append(all, valuesIn(t, v, path+".")...)
			continue
		}
		if key.HeadComment == "" {
			t.Errorf("values.yaml says nothing about %s", path)
		}
		all = append(all, value{path: path, preset: compact(t, v), about: prose(key.HeadComment)})
	}
	return all
}

// compact is a value on one line.
func compact(t *testing.T, v *yaml.Node) string {
	t.Helper()
	var decoded any
	must(t, v.Decode(&decoded))
	text, err := json.Marshal(decoded)
	must(t, err)
	return string(text)
}

func prose(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	return strings.Join(words, " ")
}

// readmeMark is the line of the README that ends what is written by hand.
const readmeMark = "<!-- What follows is written by: go test ./test/chart -update -->"

func TestReadmeListsTheValues(t *testing.T) {
	path := filepath.Join(chartDir, "README.md")
	text, err := os.ReadFile(path)
	must(t, err)
	byHand, _, ok := strings.Cut(string(text), readmeMark)
	if !ok {
		t.Fatalf("%s has no line %s", path, readmeMark)
	}
	var b strings.Builder
	b.WriteString(byHand + readmeMark + "\n\n| value | default | meaning |\n|---|---|---|\n")
	for _, v := range documented(t) {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.path, strings.ReplaceAll(v.preset, "|", `\|`), strings.ReplaceAll(v.about, "|", `\|`))
	}
	inStep(t, path, b.String())
}

// schema is the part of a JSON schema that the test reads.
type schema struct {
	Type                 any                `json:"type"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties any                `json:"additionalProperties"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	must(t, err)
	s := new(schema)
	must(t, json.Unmarshal(text, s))
	return s
}

func TestSchemaHasEveryValueAndNoOther(t *testing.T) {
	root := readSchema(t)
	groups := map[string][]string{"": {"global"}} // Helm hands global to every chart
	for _, v := range documented(t) {
		at := root
		parts := strings.Split(v.path, ".")
		for i, part := range parts {
			group := strings.Join(parts[:i], ".")
			groups[group] = append(groups[group], part)
			if at.AdditionalProperties != false {
				t.Errorf("the schema lets unknown keys of %q pass", group)
			}
			if at = at.Properties[part]; at == nil {
				t.Fatalf("the schema does not know %s", v.path)
			}
		}
	}
	for group, known := range groups {
		at := root
		if group != "" {
			for part := range strings.SplitSeq(group, ".") {
				at = at.Properties[part]
			}
		}
		for name := range at.Properties {
			if !slices.Contains(known, name) && group != "resources" {
				t.Errorf("the schema has %s %s, values.yaml has not", group, name)
			}
		}
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	tests := []struct{ name, values, want string }{
		{"a typo", "podMonitr: {create: true}", "podMonitr"},
		{"a typo below", "podMonitor: {enabled: true}", "enabled"},
		{"a setting that the agent does not have", "config: {flod: 10s}", "flod"},
		{"a setting that the chart decides", "config: {listen: ':1'}", "listen"},
		{"a duration without a unit", "config: {fold: 10}", "/config/fold"},
		{"a digest without its algorithm", "image: {digest: abc}", "/image/digest"},
		{"a token without a Secret", "events: {auth: token}", "tokenSecret"},
		{"a ServiceMonitor without a Service", "serviceMonitor: {create: true}", "needs service.create"},
		{"an alert that does not exist", "prometheusRule: {create: true, overrides: {TLSSerberFailing: {enabled: false}}}", `no alert "TLSSerberFailing"`},
		{"a field that a rule does not have", "prometheusRule: {create: true, overrides: {TLSServerFailing: {fro: 1m}}}", "fro"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := try(t, tt.values)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
