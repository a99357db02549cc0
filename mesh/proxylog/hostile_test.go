package proxylog_test

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/sink"
)

// TestHostileBytes puts what a terminal must not get into every place of a line that reaches a user, and draws the events as users see them.
func TestHostileBytes(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\xff"
	lines := []string{
		strings.Replace(failedLine, "web.shop.svc.cluster.local", "web"+evil+".shop.svc.cluster.local", 1),
		strings.Replace(failedLine, "CERTIFICATE_VERIFY_FAILED", "CERTIFICATE"+evil, 1),
		strings.Replace(failedLine, ":TLS_error_end", ":verify cert failed: SAN matcher, certificate SANs are [spiffe://c/ns/"+evil+"/sa/x]:TLS_error_end", 1),
		`{"start_time":"2026-10-09T11:00:00Z","downstream_transport_failure_reason":"TLS_error:|268435640:a:b:` + evil +
			`:TLS_error_end","requested_server_name":"` + strings.ReplaceAll(evil, "\xff", "") + `"}`,
		`{"start_time":"2026-10-09T11:00:00Z","downstream_transport_failure_reason":"TLS_error:|268435640","requested_server_name":"\u001b[2J\u202e"}`,
		"2026-09-30T06:46:00.000001Z\terror\taccess\tconnection complete\tsrc.workload=\"" + evil + "\" src.addr=10.0.0.1:1 direction=\"outbound\" " +
			"error=\"tls handshake error: Custom { kind: InvalidData, error: AlertReceived(" + evil + ") }\"",
		"2026-09-30T06:46:00.000001Z\terror\taccess\tconnection complete\tdirection=\"outbound\" error=\"tls handshake error: Custom { kind: X, error: \\\"" + evil + "\\\" }\"",
		"2026-03-06T17:41:13.146325Z\tinfo\thttp: TLS handshake error from " + evil + ": remote error: tls: " + evil,
		"[pod/" + evil + "/istio-proxy] " + failedLine,
		`[2025-03-05 07:22:38.631][15][debug][connection] [a.cc:1] [Tags: "ConnectionId":"` + evil + `"] remote address:` + evil + `,TLS_error:|268435581:a:b:` + evil,
	}
	events, _ := readAll(t, strings.NewReader(strings.Join(lines, "\n")), proxylog.Options{})
	if len(events) < len(lines)-2 {
		t.Errorf("%d events of %d lines: the test draws too little", len(events), len(lines))
	}
	var out strings.Builder
	screen := sink.Screen{Width: 200, Height: 50}
	views := sink.Multi{
		sink.NewColumns(&out, screen, false), sink.NewColumns(&out, screen, true), sink.NewJSON(&out), sink.NewYAML(&out), sink.NewSummary(&out, screen),
	}
	for _, e := range events {
		if err := views.Write(e); err != nil {
			t.Fatal(err)
		}
		if err := sink.Ladder(&out, screen, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := views.Close(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\x07", "\u202e", "\x9b", "\xff", "\r"} {
		if at := strings.Index(out.String(), bad); at >= 0 && !strings.Contains("\u202e", bad) {
			t.Errorf("%q reached the output: %q", bad, out.String()[max(0, at-80):min(out.Len(), at+20)])
		}
	}
	if strings.Contains(out.String(), "\u202e") {
		t.Error("a character that reorders text reached the output")
	}
}
