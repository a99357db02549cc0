package sink

import (
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

func TestFilterMatch(t *testing.T) {
	moment := sample(t, "plaintext_to_tls").Time
	for _, c := range []struct {
		name   string
		filter Filter
		sample string
		want   bool
	}{
		{"zero takes failures", Filter{}, "refused", true},
		{"zero leaves successes out", Filter{}, "succeeded", false},
		{"zero leaves noise out", Filter{}, "probe", false},
		{"zero leaves the undecided out", Filter{}, "gaps", false},
		{"all takes successes", Filter{All: true}, "succeeded", true},
		{"outcome", Filter{Outcomes: []event.Outcome{event.Undecided}}, "gaps", true},
		{"outcome leaves failures out", Filter{Outcomes: []event.Outcome{event.Undecided}}, "refused", false},
		{"a reason of noise asks for noise", Filter{Reasons: []event.Reason{event.Probe}}, "probe", true},
		{"the layer of noise asks for noise", Filter{Layers: []event.Layer{event.LayerNoise}}, "probe", true},
		{"reason", Filter{Reasons: []event.Reason{event.Scan, event.UnknownCA}}, "tls13_unknown_ca", true},
		{"other reason", Filter{Reasons: []event.Reason{event.Scan}}, "tls13_unknown_ca", false},
		{"layer", Filter{Layers: []event.Layer{event.LayerCertificate}}, "tls13_unknown_ca", true},
		{"other layer", Filter{Layers: []event.Layer{event.LayerPeer}}, "tls13_unknown_ca", false},
		{"SNI", Filter{SNI: []string{"api.shop.example"}}, "tls13_unknown_ca", true},
		{"SNI pattern in another case", Filter{SNI: []string{"no", "*.SHOP.*"}}, "tls13_unknown_ca", true},
		{"SNI that is none of a pattern", Filter{SNI: []string{"shop"}}, "tls13_unknown_ca", false},
		{"SNI of Istio by service", Filter{SNI: []string{"payments.*"}}, "reset", true},
		{"SNI of Istio as it is", Filter{SNI: []string{"outbound_*"}}, "reset", true},
		{"no SNI", Filter{SNI: []string{"*"}}, "refused", false},
		{"port of the server", Filter{Ports: []uint16{1, 8443}}, "both_ends", true},
		{"port of the client", Filter{Ports: []uint16{36420}}, "both_ends", false},
		{"pid of the client", Filter{PIDs: []int{7001}}, "both_ends", true},
		{"pid of the server", Filter{PIDs: []int{6990}}, "both_ends", true},
		{"other pid", Filter{PIDs: []int{1}}, "both_ends", false},
		{"comm of the client", Filter{Comms: []string{"cu*"}}, "both_ends", true},
		{"comm of the server", Filter{Comms: []string{"openssl"}}, "both_ends", true},
		{"other comm", Filter{Comms: []string{"open"}}, "both_ends", false},
		{"namespace", Filter{Namespace: "shop"}, "reset", true},
		{"other namespace", Filter{Namespace: "bank"}, "reset", false},
		{"namespace of what is in none", Filter{Namespace: "shop"}, "refused", false},
		{"pod of the client", Filter{Pod: "checkout-*"}, "reset", true},
		{"pod of the server", Filter{Pod: "payments-*"}, "reset", true},
		{"pod with namespace", Filter{Pod: "shop/payments-*"}, "reset", true},
		{"pod with another namespace", Filter{Pod: "bank/payments-*"}, "reset", false},
		{"from pod", Filter{FromPod: "checkout-*"}, "reset", true},
		{"from pod is not the server", Filter{FromPod: "payments-*"}, "reset", false},
		{"to pod", Filter{ToPod: "payments-*"}, "reset", true},
		{"to pod is not the client", Filter{ToPod: "checkout-*"}, "reset", false},
		{"from workload", Filter{FromWorkload: "check*"}, "reset", true},
		{"from workload is not the server", Filter{FromWorkload: "payments"}, "reset", false},
		{"to workload with namespace", Filter{ToWorkload: "shop/payments"}, "reset", true},
		{"to workload with another namespace", Filter{ToWorkload: "bank/payments"}, "reset", false},
		{"to workload of what has none", Filter{ToWorkload: "*"}, "refused", false},
		{"since that moment", Filter{Since: moment}, "plaintext_to_tls", true},
		{"since later", Filter{Since: moment.Add(time.Nanosecond)}, "plaintext_to_tls", false},
		{"both must agree", Filter{Ports: []uint16{8443}, Comms: []string{"nginx"}}, "both_ends", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := NewFilter(c.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Match(sample(t, c.sample)); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFilterNarrows(t *testing.T) {
	for _, c := range []struct {
		name   string
		filter Filter
		want   bool
	}{
		{"zero", Filter{}, false},
		{"outcomes", Filter{All: true, Outcomes: []event.Outcome{event.Noise}}, false},
		{"reason", Filter{Reasons: []event.Reason{event.Scan}}, true},
		{"port", Filter{Ports: []uint16{443}}, true},
		{"pod", Filter{ToPod: "web-*"}, true},
		{"workload", Filter{FromWorkload: "web"}, true},
		{"since", Filter{Since: time.Unix(1, 0)}, true},
	} {
		if got := c.filter.Narrows(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestFilterPatternMatchesASlash(t *testing.T) {
	e := sample(t, "refused")
	e.Client.Process.Comm = "kworker/0:1"
	for _, pattern := range []string{"kworker*", "kworker/*"} {
		if f := (Filter{Comms: []string{pattern}}); !f.Match(e) {
			t.Errorf("%s does not match", pattern)
		}
	}
}

func TestNewFilterNamesTheNearest(t *testing.T) {
	for _, c := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"a letter is missing", Filter{Reasons: []event.Reason{"unknow_ca"}}, `unknown reason "unknow_ca": did you mean "unknown_ca"?`},
		{"dashes and capitals", Filter{Reasons: []event.Reason{"Unknown-CA"}}, `unknown reason "Unknown-CA": did you mean "unknown_ca"?`},
		{
			"as narrow columns spell it", Filter{Reasons: []event.Reason{"client_cert_required"}},
			`unknown reason "client_cert_required": did you mean "client_certificate_required"?`,
		},
		{"layer", Filter{Layers: []event.Layer{"certificat"}}, `unknown layer "certificat": did you mean "certificate"?`},
		{
			"nothing is near", Filter{Layers: []event.Layer{"\x1bxyz"}},
			`unknown layer "\\x1bxyz": there are connect, redirect, protocol, negotiation, certificate, peer, noise`,
		},
		{"outcome", Filter{Outcomes: []event.Outcome{"fialed"}}, `unknown outcome "fialed": did you mean "failed"?`},
		{"pattern", Filter{SNI: []string{"ok", "[a"}}, `pattern "[a": syntax error in pattern: a [ needs its ], a \ something after it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewFilter(c.filter)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestNewFilterTakesTheClosedSets(t *testing.T) {
	if _, err := NewFilter(Filter{Reasons: event.Reasons(), Layers: event.Layers, Outcomes: event.Outcomes}); err != nil {
		t.Error(err)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("*", "kworker/0:1", "[a-z]")
	f.Add("[", `\`, "a/b")
	f.Fuzz(func(t *testing.T, pattern, name, reason string) {
		if _, err := NewFilter(Filter{Reasons: []event.Reason{event.Reason(reason)}}); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		e := event.Event{Outcome: event.Failed, TLS: &event.TLS{SNI: name}}
		want := Filter{SNI: []string{pattern}}
		if filter, err := NewFilter(want); err == nil && pattern == "*" && name != "" && !filter.Match(e) {
			t.Errorf("* does not match %q", name)
		}
	})
}
