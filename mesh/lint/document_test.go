package lint

import "testing"

func TestLineOfField(t *testing.T) {
	d := &document{"a.yaml", chunk{[]byte(`kind: List
items:
- metadata:
    annotations:
      sidecar.istio.io/inject: "false"
      a]b: x
  spec: &spec
    servers:
    - port: {number: 443}
      tls:
        mode: SIMPLE
- spec: *spec
`), 10}}
	root := d.parse()
	for _, c := range []struct {
		at, field string
		want      int
	}{
		{"", "kind", 10},
		{"items[0]", "", 12},
		{"items[0]", `metadata.annotations["sidecar.istio.io/inject"]`, 14},
		{"items[0]", `metadata.annotations["a]b"]`, 15},
		{"items[0]", "spec.servers[0].tls.mode", 20},
		{"items[0]", "spec.servers[0].port.number", 18},
		{"items[0]", "spec.servers[0].hosts", 18}, // is not there: that of the server
		{"items[0]", "spec.servers[7]", 17},
		{"items[1]", "spec.servers[0].tls", 19},
		{"items[1]", "spec..servers[", 17},
	} {
		if got := d.lineOf(root, c.at, c.field); got != c.want {
			t.Errorf("%s %s: line %d, want %d", c.at, c.field, got, c.want)
		}
	}
}
