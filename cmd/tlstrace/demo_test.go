package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

func TestWantMetBy(t *testing.T) {
	caught := event.Event{Outcome: event.Failed, Verdict: event.Verdict{
		Reason: event.ProtocolVersion, GaveUp: event.Server, Confidence: event.Exact,
	}}
	other := caught
	other.Verdict.GaveUp = event.Client
	good := event.Event{Outcome: event.Succeeded}
	resumed := event.Event{Outcome: event.Succeeded, TLS: &event.TLS{Resumed: true}}
	noise := event.Event{Outcome: event.Noise}
	undecided := event.Event{Outcome: event.Undecided}
	wanted := failure(event.ProtocolVersion, event.Server, event.Exact)
	tests := []struct {
		name   string
		want   want
		events []event.Event
		ok     bool
	}{
		{"the failure", wanted, []event.Event{caught}, true},
		{"no failure", wanted, nil, false},
		{"the failure twice", wanted, []event.Event{caught, caught}, false},
		{"another side gave up", wanted, []event.Event{other}, false},
		{"a success nobody made", wanted, []event.Event{caught, good}, false},
		{"healthy and silent", want{}, nil, true},
		{"healthy and noise", want{}, []event.Event{noise}, true},
		{"healthy and a failure", want{}, []event.Event{caught}, false},
		{"healthy and undecided", want{}, []event.Event{undecided}, false},
		{"a success", want{successes: 1}, []event.Event{good}, true},
		{"a success not seen", want{successes: 1}, nil, false},
		{"resumed", want{successes: 2, resumed: true}, []event.Event{good, resumed}, true},
		{"not resumed", want{successes: 2, resumed: true}, []event.Event{good, good}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.want.metBy(tt.events); got != tt.ok {
				t.Errorf("got %v, want %v", got, tt.ok)
			}
		})
	}
}

// TestScenariosDoWhatTheySay plays every scenario between two goroutines, without tracing: the failing ones have to
// fail for the reason that they are named after, as far as Go's own library tells.
func TestScenariosDoWhatTheySay(t *testing.T) {
	k, err := newKit(demoName, otherName, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{
		"expired certificate, TLS 1.2":           "expired",
		"expired certificate, TLS 1.3":           "expired",
		"certificate not yet valid":              "not yet valid",
		"self-signed certificate":                "unknown authority",
		"certificate of an unknown CA":           "unknown authority",
		"certificate for another name":           "not " + demoName,
		"client certificate missing":             "certificate required",
		"client certificate of another CA":       "unknown certificate authority",
		"no common version":                      "protocol version not supported",
		"no common cipher, TLS 1.2":              "handshake failure",
		"no common ALPN":                         "no application protocol",
		"TLS to a plaintext port":                "does not look like a TLS handshake",
		"client resets after the server's hello": "closed pipe",
		"server resets after the client's hello": "connection reset",
		"server closes after the client's hello": "EOF",
		"nobody listens":                         "connection refused",
		"server stalls, client gives up":         "timeout",
	}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			addr, err := s.server(k)
			if err != nil {
				t.Fatal(err)
			}
			err = s.client(k, addr)
			switch text, ok := says[s.name]; {
			case !ok && err != nil:
				t.Errorf("the client said %v, want no error", err)
			case ok && (err == nil || !strings.Contains(err.Error(), text)):
				t.Errorf("the client said %v, want %q", err, text)
			}
		})
	}
}

func TestScenarioNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.name] {
			t.Errorf("%q is there twice", s.name)
		}
		seen[s.name] = true
	}
}

func TestPeersTalkOverPipes(t *testing.T) {
	k, err := newKit(demoName, otherName, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var given, addresses bytes.Buffer
	if err := json.NewEncoder(&given).Encode(k); err != nil {
		t.Fatal(err)
	}
	if err := servePeer(&given, &addresses); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(&addresses).Decode(&k.Servers); err != nil {
		t.Fatal(err)
	}
	if len(k.Servers) != len(scenarios()) {
		t.Errorf("%d servers listen, want %d", len(k.Servers), len(scenarios()))
	}
}

func TestPrintDemoTellsWhatWasNotAsExpected(t *testing.T) {
	addresses := map[string]netip.AddrPort{}
	for i, s := range scenarios() {
		addresses[s.name] = netip.AddrPortFrom(netip.IPv6Loopback(), uint16(1000+i))
	}
	first := scenarios()[0]
	at := addresses[first.name]
	events := []event.Event{{
		Outcome: event.Failed,
		Verdict: event.Verdict{Reason: first.want.reason, GaveUp: first.want.gaveUp, Confidence: first.want.confidence},
		Client:  event.Endpoint{Addr: at.Addr(), Port: 9}, Server: event.Endpoint{Addr: at.Addr(), Port: at.Port()},
	}}
	results := compare(map[string]string{first.name: "x509: expired"}, addresses, events)
	if !results[0].OK || results[0].Said != "x509: expired" || results[1].OK {
		t.Errorf("got %+v and %+v, want the first as expected and the second not", results[0], results[1])
	}
	var out bytes.Buffer
	if err := printDemo(&out, results, sink.Screen{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ok  " + first.name, "NOT " + scenarios()[1].name, "expected: " + scenarios()[1].want.String()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}
