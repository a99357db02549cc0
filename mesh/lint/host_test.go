package lint

import (
	"slices"
	"testing"
	"time"
)

const hosts = `apiVersion: v1
kind: Service
metadata: {name: a, namespace: x}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: y}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild, namespace: x}
spec: {hosts: ["*.example.com"]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: one, namespace: x}
spec: {hosts: [api.example.com]}
`

func TestHosts(t *testing.T) {
	w := Build(Options{Now: time.Unix(0, 0)}, readText(t, hosts))
	for _, c := range []struct {
		host, from string
		services   []string
	}{
		{"a", "x", []string{"a"}},
		{"a", "y", nil},
		{"a.x", "y", nil}, // Istio completes short names only
		{"a.x.svc", "y", nil},
		{"a.x.svc.cluster.local", "y", []string{"a"}},
		{"v1.a.x.svc.cluster.local", "y", nil},
		{"*.x.svc.cluster.local", "y", []string{"a"}},
		{"*.svc.cluster.local", "", []string{"a", "b"}},
		{"*", "", []string{"a", "b"}},
		{"*.com", "", nil},
		{"", "x", nil},
	} {
		var got []string
		for _, s := range w.ServicesByHost(c.host, c.from) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, c.services) {
			t.Errorf("%s from %s: services %q, want %q", c.host, c.from, got, c.services)
		}
	}
	for _, c := range []struct {
		host    string
		entries []string
	}{
		{"api.example.com", []string{"one", "wild"}}, {"web.example.com", []string{"wild"}}, {"example.com", nil},
		{"*.com", []string{"one", "wild"}}, {"*.api.example.com", []string{"wild"}}, {"example.org", nil},
	} {
		var got []string
		for _, e := range w.EntriesByHost(c.host) {
			got = append(got, e.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.entries) {
			t.Errorf("%s: entries %q, want %q", c.host, got, c.entries)
		}
	}
}
