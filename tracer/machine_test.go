package tracer

import "testing"

func TestParseLockdown(t *testing.T) {
	for text, want := range map[string]string{
		"[none] integrity confidentiality\n": "none",
		"none [integrity] confidentiality\n": "integrity",
		"none integrity [confidentiality]":   "confidentiality",
		"":                                   "unknown",
		"none [integrity":                    "unknown",
	} {
		if got := parseLockdown(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
