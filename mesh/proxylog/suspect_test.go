package proxylog

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSuspicious(t *testing.T) {
	tests := []struct {
		name   string
		line   string
		custom bool
		want   bool
	}{
		{name: "a version and a port", line: `[2026] "GET /TLSv1.3 HTTP/2" 200 - 443 LS_`},
		{name: "an error of the application", line: `{"path":"/error","response_code":500}`},
		{name: "a healthy line of a tunnel", line: "2026\tinfo\taccess\tconnection complete\tsrc.workload=\"web\""},
		{name: "an error of Envoy", line: `[2026] "GET / HTTP/2" 503 UF "TLS_error:|"`, want: true},
		{name: "an old one", line: `[2026] "GET / HTTP/2" 503 UF "TLS error: "`, want: true},
		{name: "at the very end", line: `[2026] TLS_e`, want: true},
		{name: "flags", line: `[2026] "- - -" 0 NR filter_chain_not_found`, want: true},
		{name: "flags with others", line: `[2026] "- - -" 0 DC,NR,DT filter_chain_not_found`, want: true},
		{name: "flags in full", line: `[2026] "- - -" 0 NoRouteFound filter_chain_not_found`, want: true},
		{name: "a custom format without flags", line: `[2026] 10.0.0.1:1 filter_chain_not_found`, custom: true, want: true},
		{name: "JSON without flags", line: `{"details":"filter_chain_not_found"}`, want: true},
		{name: "a handshake of ztunnel", line: `2026 warn access connection failed error="tls handshake error: x"`, want: true},
		{name: "its timeout", line: `2026 warn access connection failed error="Timeout during TLS handshake"`, want: true},
		{name: "its policy", line: `2026 error="connection closed due to policy rejection: x"`, want: true},
		{name: "keys in another order", line: `{"error":"invalid peer certificate: Expired","scope":"access"}`, want: true},
		{name: "empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := suspicious([]byte(tt.line), tt.custom); got != tt.want {
				t.Errorf("%q: %v, want %v", tt.line, got, tt.want)
			}
		})
	}
}

// TestSuspicionMissesNothing reads the corpus with and without the first look: what is told is the same.
func TestSuspicionMissesNothing(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		with, without := NewReader(nil, Options{}), NewReader(nil, Options{})
		for line := range bytes.Lines(text) {
			line = bytes.TrimRight(line, "\n")
			e, told := with.look(line)
			other, otherTold := without.judge(line, false)
			if told != otherTold || e.ID != other.ID {
				t.Errorf("%s: %q: told %v, without the first look %v", path, line, told, otherTold)
			}
		}
	}
}
