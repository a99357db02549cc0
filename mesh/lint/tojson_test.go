package lint

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func spell(t *testing.T, text string, bound int) (string, error) {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	out, err := toJSON(node.Content[0], bound, dropped())
	return string(out), err
}

func TestToJSON(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"scalars", "{a: 1, b: true, c: null, d: 1.5, e: x, f: '1', g: 2026-01-31}", `{"a":1,"b":true,"c":null,"d":1.5,"e":"x","f":"1","g":"2026-01-31"}`},
		{"other spellings of numbers", "[0x1f, 0o17, 1_000, .5, True]", `[31,15,1000,0.5,true]`},
		{"a number that is longer than JSON readers take", "12345678901234567890", `12345678901234567890`},
		{"text that needs escapes", `a: "x\"\u0000\\\u202e"`, `{"a":"x\"\u0000\\` + "\u202e" + `"}`},
		{"nothing in it", "{a: {}, b: []}", `{"a":{},"b":[]}`},
		{"a number as a key", "1: a", `{"1":"a"}`},
		{"aliases", "a: &x {b: 1}\nc: *x", `{"a":{"b":1},"c":{"b":1}}`},
		{"merged mappings come first, so that own keys win", "a: &x {b: 1}\nc: {b: 2, <<: *x}", `{"a":{"b":1},"c":{"b":1,"b":2}}`},
		{"of merged mappings the first wins", "a: [&x {b: 1}, &y {b: 2}]\nc: {<<: [*x, *y]}", `{"a":[{"b":1},{"b":2}],"c":{"b":2,"b":1}}`},
		{"environments are dropped, a label of that name is not", "{env: [{name: a}], labels: {env: prod}}", `{"labels":{"env":"prod"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := spell(t, c.text, 1<<20)
			if err != nil || got != c.want {
				t.Errorf("%s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestToJSONIsBounded(t *testing.T) {
	var bomb, merges strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	merges.WriteString("a0: &a0 {}\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "a%[1]d: &a%[1]d [*a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d]\n", i+1, i)
		fmt.Fprintf(&merges, "a%[1]d: &a%[1]d {<<: [*a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d]}\n", i+1, i)
	}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"aliases of aliases", bomb.String(), errTooLarge},
		{"empty mappings merged over and over", merges.String(), errTooLarge},
		{"an alias of itself", "a: &a {b: *a}", errTooDeep},
		{"a list as a key", "[a]: b", errKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out, err := spell(t, c.text, 1<<20); !errors.Is(err, c.want) || len(out) > 1<<20 {
				t.Errorf("%d bytes, %v; want %v", len(out), err, c.want)
			}
		})
	}
}
