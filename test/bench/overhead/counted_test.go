package main

import (
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/lane"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

func TestShareOfTheProxy(t *testing.T) {
	each := costs{dispatch: sample.Sample{100}, hit: sample.Sample{10_000}, call: sample.Sample{600}}
	for _, tc := range []struct {
		name string
		ran  map[string]program
		want float64
	}{
		{"nothing ran", map[string]program{"packet_sent": {}}, 0},
		// Both ends ran 8 programs, 4 of them the proxy's, each 20 ns longer than an empty one: 4 * (100 + 20).
		{"packets", map[string]program{"packet_sent": {400, 400 * 70e-9}, "packet_received": {400, 400 * 70e-9}}, 480},
		{"less than an empty program is no gain", map[string]program{"packet_sent": {400, 400 * 10e-9}}, 400},
		// Half of 2 * (100 + 200).
		{"births and ends", map[string]program{"socket_event": {200, 200 * 250e-9}}, 300},
		// Every second hit is the client's.
		{"probes", map[string]program{"verify_result": {200, 200 * 550e-9}}, 10_500},
		{"probes on calls", map[string]program{"verify_call": {200, 200 * 550e-9}}, 1_100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCounted(profile{}, subject{}, tc.ran, lane.Ran{Runs: 400, Time: 400 * 50 * time.Nanosecond}, 100)
			if got := c.share(each).total(); got < tc.want-0.01 || got > tc.want+0.01 {
				t.Errorf("%.2f ns, want %.2f", got, tc.want)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	for program, want := range map[string]kind{
		"packet_sent": onPacket, "packet_received": onPacket, "socket_event": onSocket, "reset_sent_tracepoint_reason": onSocket,
		"reset_received_tracepoint": onSocket, "socket_destroyed": onSocket, "verify_result": inLibrary, "verify_call": inLibrary, "go_handshake": inLibrary,
	} {
		if got := kindOf(program); got != want {
			t.Errorf("%s: %v, want %v", program, got, want)
		}
	}
}
