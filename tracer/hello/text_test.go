package hello

import (
	"testing"
	"unicode/utf8"
)

func checkText(t *testing.T, all []string) {
	t.Helper()
	for _, s := range all {
		if !utf8.ValidString(s) {
			t.Errorf("%q is no valid UTF-8", s)
		}
	}
}

func TestProtocolSpellsTheUsualNames(t *testing.T) {
	for _, name := range []string{"h2", "http/1.1", "istio", "istio-peer-exchange", "acme-tls/1", ""} {
		if got := protocol([]byte(name)); got != name {
			t.Errorf("%q became %q", name, got)
		}
	}
}
