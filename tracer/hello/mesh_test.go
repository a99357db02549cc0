package hello

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

func TestMesh(t *testing.T) {
	for sni, want := range map[string]*event.Mesh{
		"outbound_.8080_.v1_.payments.shop.svc.cluster.local": {
			Direction: "outbound", Port: 8080, Subset: "v1", Service: "payments.shop.svc.cluster.local",
		},
		"outbound_.8080_._.payments.shop.svc.cluster.local": {
			Direction: "outbound", Port: 8080, Service: "payments.shop.svc.cluster.local",
		},
		"inbound_.65535_._.a": {Direction: "inbound", Port: 65535, Service: "a"},

		"":                                  nil,
		"payments.shop.svc.cluster.local":   nil,
		"outbound":                          nil,
		"outbound_.":                        nil,
		"outbound_.8080":                    nil,
		"outbound_.8080_.v1":                nil,
		"outbound_.8080_.v1_.":              nil,
		"outbound_._.v1_.a":                 nil,
		"outbound_.0_._.a":                  nil,
		"outbound_.65536_._.a":              nil,
		"outbound_.-1_._.a":                 nil,
		"outbound_.+80_._.a":                nil,
		"outbound_.http_._.a":               nil,
		"sideways_.8080_._.a":               nil,
		"xoutbound_.8080_._.a":              nil,
		"outbound|8080|v1|a.svc.cluster":    nil, // Envoy's name of the cluster; it never is an SNI
		"outbound_.8080_v1_payments.shop.s": nil,
	} {
		if diff := cmp.Diff(want, Mesh(sni)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", sni, diff)
		}
	}
}

func FuzzMesh(f *testing.F) {
	for _, sni := range []string{
		"outbound_.8080_.v1_.payments.shop.svc.cluster.local", "outbound_.8080_._.a", "inbound_.1_.x_.y", "outbound_.00080_._._.a", "a.test",
	} {
		f.Add(sni)
	}
	f.Fuzz(func(t *testing.T, sni string) {
		m := Mesh(sni)
		if m == nil {
			return
		}
		if m.Port == 0 || m.Service == "" || m.Direction != "outbound" && m.Direction != "inbound" {
			t.Errorf("%q became %+v", sni, m)
		}
		// Written again it is the same name, but for zeros before the port.
		_, rest, _ := strings.Cut(sni, "_.")
		again := fmt.Sprintf("%s_.%d_.%s_.%s", m.Direction, m.Port, m.Subset, m.Service)
		if plain := m.Direction + "_." + strings.TrimLeft(rest, "0"); plain != again {
			t.Errorf("%q became %q", sni, again)
		}
	})
}
