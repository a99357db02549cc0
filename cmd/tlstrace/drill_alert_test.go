package main

import (
	"testing"

	"github.com/tlstrace/tlstrace/deploy/alerts"
	"github.com/tlstrace/tlstrace/event"
)

func TestHopedAlertIsOurs(t *testing.T) {
	h := &hopedAlert{reason: "unknown_ca", series: []series{{event.Server, "tlstrace", "drill", "tlstrace", "drill"}}}
	tests := []struct {
		name   string
		labels map[string]string
		ours   bool
	}{
		{"ours", map[string]string{"role": "server", "namespace": "tlstrace", "workload": "drill"}, true},
		{"for our reason", map[string]string{"role": "server", "namespace": "tlstrace", "workload": "drill", "reason": "unknown_ca"}, true},
		{"for another reason", map[string]string{"role": "server", "namespace": "tlstrace", "workload": "drill", "reason": "name_mismatch"}, false},
		{"with another peer", map[string]string{"role": "server", "namespace": "tlstrace", "workload": "drill", "peer_workload": "shop"}, false},
		{"of the client", map[string]string{"role": "client", "namespace": "tlstrace", "workload": "drill"}, false},
		{"of nobody", map[string]string{"role": "server"}, false},
		{"of another workload", map[string]string{"role": "server", "namespace": "tlstrace", "workload": "payments"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := h.isOurs(tt.labels); got != tt.ours {
				t.Errorf("got %v, want %v", got, tt.ours)
			}
		})
	}
}

func TestEveryDrillHasAShippedAlert(t *testing.T) {
	shipped, err := alerts.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range shipped {
		known[r.Alert] = true
	}
	for _, f := range drillFailures() {
		if !known[f.alert] || f.reason.Layer() == "" || f.count < 1 {
			t.Errorf("%s, %s, %d", f.reason, f.alert, f.count)
		}
	}
}
