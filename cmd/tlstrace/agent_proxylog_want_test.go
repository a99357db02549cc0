package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

func TestWantsReason(t *testing.T) {
	failed := func(r event.Reason, c event.Confidence) event.Event {
		return event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: r, Layer: r.Layer(), Confidence: c}}
	}
	heard := failed(event.ClosedByServer, event.Exact)
	heard.Library = &event.Library{Name: "BoringSSL"}
	undecided := failed("", "")
	undecided.Outcome = event.Undecided
	noise := failed(event.Probe, event.Exact)
	noise.Outcome = event.Noise
	tests := []struct {
		name string
		e    event.Event
		want bool
	}{
		{"closed, and nothing else", failed(event.ClosedByServer, event.Exact), true},
		{"reset, and nothing else", failed(event.ResetByClient, event.Derived), true},
		{"a timeout", failed(event.HandshakeTimeout, event.Exact), true},
		{"internal_error", failed(event.InternalError, event.Exact), true},
		{"handshake_failure", failed(event.NegotiationFailed, event.Exact), true},
		{"refused by an alert that cannot be read", failed(event.ClientCertificateRejected, event.Derived), true},
		{"refused by an alert that says no more", failed(event.ServerCertificateRejected, event.Exact), true},
		{"a reason", failed(event.CertificateExpired, event.Exact), false},
		{"a reason by inference", failed(event.PlaintextToTLS, event.Inferred), false},
		{"no connection", failed(event.ConnectionRefused, event.Exact), false},
		{"its library was heard", heard, false},
		{"undecided", undecided, false},
		{"noise", noise, false},
		{"success", event.Event{Outcome: event.Succeeded}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wantsReason(tt.e); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestOnlyWhatALogCanCompleteWaits compares with verdict.Complete, for every reason that an event of the wire may have.
func TestOnlyWhatALogCanCompleteWaits(t *testing.T) {
	log := event.Event{Outcome: event.Failed, Library: &event.Library{Name: "BoringSSL", Side: event.Server, ErrorText: "NO_SHARED_CIPHER"}}
	for _, reason := range event.Reasons() {
		e := event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: reason, Layer: reason.Layer()}}
		if got, can := wantsReason(e), verdict.Complete(e, log).Library != nil; got != can {
			t.Errorf("%s waits: %v, can be completed: %v", reason, got, can)
		}
	}
}

func TestProxiesOf(t *testing.T) {
	sidecar := &event.K8s{Namespace: "shop", Pod: "web-1", Container: "istio-proxy", Node: "n1", Sidecar: true}
	but := func(change func(*event.K8s)) *event.K8s {
		k := *sidecar
		change(&k)
		return &k
	}
	tests := []struct {
		name           string
		client, server *event.K8s
		want           string
	}{
		{"a sidecar", sidecar, nil, "shop/web-1"},
		{"a container beside a sidecar", nil, but(func(k *event.K8s) { k.Container = "web" }), "shop/web-1"},
		{"a gateway", but(func(k *event.K8s) { k.Sidecar = false }), nil, "shop/web-1"},
		{"ztunnel", &event.K8s{Namespace: "istio-system", Pod: "ztunnel-x7k2p", Container: "istio-proxy", Node: "n1"}, nil, "istio-system/ztunnel-x7k2p"},
		{"both ends", sidecar, but(func(k *event.K8s) { k.Pod = "db-0" }), "shop/web-1 shop/db-0"},
		{"both ends are one", sidecar, sidecar, "shop/web-1"},
		{"another node", but(func(k *event.K8s) { k.Node = "n2" }), nil, ""},
		{"no proxy", but(func(k *event.K8s) { k.Sidecar, k.Container = false, "web" }), nil, ""},
		{"no pod", &event.K8s{Node: "n1", Sidecar: true}, nil, ""},
		{"nothing known", nil, nil, ""},
		{"a way out", but(func(k *event.K8s) { k.Namespace, k.Pod = "..", "../../etc" }), nil, ""},
		{"a pod with a slash", but(func(k *event.K8s) { k.Pod = "web/1" }), nil, ""},
		{"a pod with another's separator", but(func(k *event.K8s) { k.Pod = "web_1" }), nil, ""},
		{"a namespace that is too long", but(func(k *event.K8s) { k.Namespace = strings.Repeat("a", 64) }), nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: event.ClosedByServer}}
			e.Client.K8s, e.Server.K8s = tt.client, tt.server
			var got []string
			for _, pod := range proxiesOf(e, "n1") {
				got = append(got, pod.String())
			}
			if !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}
