package lint

import (
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func failed(reason event.Reason) event.Event {
	return event.Event{Outcome: event.Failed, Verdict: event.Verdict{Reason: reason}}
}

func TestExplains(t *testing.T) {
	checks := map[string]*Check{}
	for _, c := range catalog() {
		checks[c.Name] = &c
	}
	for _, row := range []struct {
		check string
		event event.Event
		want  Strength
	}{
		{"plaintext-to-strict", failed(event.PlaintextToTLS), Likely},
		{"plaintext-to-strict", failed(event.ResetByServer), Possible},
		{"plaintext-to-strict", failed(event.CertificateExpired), Unrelated},
		{"plaintext-to-strict", event.Event{Outcome: event.Succeeded, Verdict: event.Verdict{Reason: event.PlaintextToTLS}}, Unrelated},
		{"client-outside-the-mesh", failed(event.PlaintextToTLS), Likely},
		{"client-outside-the-mesh", failed(event.ResetByServer), Possible},
		{"one-way-tls-to-strict", failed(event.ClientCertificateRequired), Likely},
		{"mutual-tls-to-no-proxy", failed(event.TLSToPlaintext), Likely},
		{"served-port-excluded-from-sidecar", failed(event.TLSToPlaintext), Likely},
		{"server-names-never-presented", failed(event.NameMismatch), Likely},
		{"certificate-not-valid-now", failed(event.CertificateExpired), Likely},
		{"certificate-not-valid-now", failed(event.CertificateNotYetValid), Likely},
		{"certificate-chain-incomplete", failed(event.UnknownCA), Likely},
		{"certificate-does-not-cover-host", failed(event.NameMismatch), Likely},
		{"gateway-credential-missing", failed(event.ConnectionRefused), Possible},
		{"double-tls", failed(event.TLSToPlaintext), Likely},
		{"proxy-image-not-pinned", failed(event.PlaintextToTLS), Unrelated},
	} {
		c := checks[row.check]
		if c == nil {
			t.Fatalf("no check %s", row.check)
		}
		got, rule := Explains(c, row.event)
		if got != row.want {
			t.Errorf("%s for %s: %d, want %d", row.check, row.event.Verdict.Reason, got, row.want)
		}
		if (rule == "") != (got == Unrelated) {
			t.Errorf("%s for %s: strength %d with the rule %q", row.check, row.event.Verdict.Reason, got, rule)
		}
	}
	if got, _ := Explains(nil, failed(event.PlaintextToTLS)); got != Unrelated {
		t.Error("no check explains something")
	}
}

// TestExplanationsFit: every row is for a check that there is, has a rule, and reasons of the closed set, each once. A check that breaks
// handshakes has a row.
func TestExplanationsFit(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range catalog() {
		ids[c.ID] = true
		if len(c.Causes) == 0 && c.Severity == Error && c.ID != "TLT0702" {
			t.Errorf("%s is an error and explains no failure", c.ID)
		}
	}
	for id, x := range explanations {
		reasons := slices.Concat(x.likely, x.possible)
		if !ids[id] || x.rule == "" || strings.HasSuffix(x.rule, ".") || len(reasons) == 0 {
			t.Errorf("%s: %+v", id, x)
		}
		for i, r := range reasons {
			if r.Layer() == "" || slices.Contains(reasons[:i], r) {
				t.Errorf("%s: reason %q", id, r)
			}
		}
	}
}
