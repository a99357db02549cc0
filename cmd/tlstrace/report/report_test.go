package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
	"github.com/tlstrace/tlstrace/sink"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// hostile is a name that would clear the screen and reverse the line.
const hostile = "evil\x1b[2J\u202ename\xff]]>"

// sample is a report with everything that can be in one.
func sample() *Report {
	checks := []lint.Check{
		{
			ID: "TLT0401", Name: "plaintext-to-strict", Severity: lint.Error, Topic: lint.TopicDestination, Summary: "A rule sends plaintext.",
			Explain: "A STRICT server closes it.", Fix: "Remove it.", Known: []string{"IST0128"}, Needs: []lint.Kind{lint.KindService},
			Causes: []event.Reason{event.PlaintextToTLS},
		},
		{ID: "TLT0503", Name: "expiring", Severity: lint.Warning, Topic: lint.TopicGateway, Summary: "It expires.", Explain: "Then it fails.", Fix: "Renew it."},
		{ID: "TLT0904", Name: "waypoint-missing", Severity: lint.Info, Topic: lint.TopicAmbient, Summary: "It is missing.", Explain: "So it is.", Fix: "Make it."},
		{ID: "TLT0905", Name: "skipped", Severity: lint.Info, Topic: lint.TopicAmbient, Summary: "It is not made.", Explain: "So it is.", Fix: "None."},
	}
	rule := lint.Ref{Kind: lint.KindDestinationRule, APIVersion: "networking.istio.io/v1", Namespace: "shop", Name: "payments", Source: "deploy/a b.yaml", Line: 3}
	return &Report{
		Checks: checks, Objects: 12, Unknown: map[string]int{"Thing.example.com/v1": 2}, Gone: 1, FailOn: lint.Error, Version: "1.2.3",
		Result: lint.Result{
			Checks: 3, Ignored: 4, Baselined: 5, Dropped: 6, Skipped: []*lint.Check{&checks[3]},
			Findings: []lint.Finding{
				{
					Check: &checks[0], Severity: lint.Error, Object: rule, Field: "spec.trafficPolicy.tls.mode", Line: 9, New: true,
					Message: "Rule shop/payments sends plaintext to a server that accepts only mutual TLS and closes whatever else there is.",
					Fix:     "Remove the tls block.", Related: []lint.Ref{{Kind: lint.KindService, Namespace: "shop", Name: "payments"}},
				},
				{
					Check: &checks[1], Severity: lint.Warning, Object: lint.Ref{Kind: lint.KindSecret, Namespace: "shop", Name: hostile},
					Message: "Secret " + hostile + " expires.", Fix: "Renew it.",
				},
				{Check: &checks[2], Severity: lint.Info, Object: lint.Ref{Kind: lint.KindNamespace, Name: "shop", Source: "-", Line: 1}, Line: 1, Message: "It is missing."},
			},
		},
	}
}

func write(t *testing.T, r *Report, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.Write(&out, format); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			got := write(t, sample(), format)
			golden(t, "sample."+format, got)
			for _, r := range string(got) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%U is written as it is", r)
				}
			}
		})
	}
	t.Run("terminal", func(t *testing.T) {
		r := sample()
		r.Screen = sink.Screen{Width: 60, Color: true}
		got := write(t, r, "columns")
		golden(t, "sample.terminal", got)
	})
	t.Run("list", func(t *testing.T) {
		var out bytes.Buffer
		if err := sample().List(&out); err != nil {
			t.Fatal(err)
		}
		golden(t, "list.columns", out.Bytes())
		out.Reset()
		if err := sample().ListJSON(&out); err != nil {
			t.Fatal(err)
		}
		golden(t, "list.json", out.Bytes())
	})
}

// TestSARIF validates against the schema of OASIS, which go-sarif has.
func TestSARIF(t *testing.T) {
	for name, r := range map[string]*Report{"findings": sample(), "none": {Checks: lint.Checks()}, "nothing": {}} {
		got, err := sarif.FromBytes(write(t, r, "sarif"))
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJUnitCounts(t *testing.T) {
	var got suites
	if err := xml.Unmarshal(write(t, sample(), "junit"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 4 || got.Failures != 1 || got.Skipped != 1 {
		t.Errorf("%d tests, %d failures, %d skipped; want 4, 1, 1: warnings do not fail", got.Tests, got.Failures, got.Skipped)
	}
	r := sample()
	r.FailOn = lint.Info
	if err := xml.Unmarshal(write(t, r, "junit"), &got); err != nil || got.Failures != 3 {
		t.Errorf("%d failures with --fail-on info: %v", got.Failures, err)
	}
}

func TestFailed(t *testing.T) {
	for _, c := range []struct {
		failOn lint.Severity
		worst  lint.Severity
		want   bool
	}{
		{lint.Error, lint.Error, true}, {lint.Error, lint.Warning, false}, {lint.Warning, lint.Error, true}, {lint.Warning, lint.Info, false},
		{lint.Info, lint.Info, true}, {"never", lint.Error, false}, {"", lint.Error, false},
	} {
		r := Report{FailOn: c.failOn, Result: lint.Result{Findings: []lint.Finding{{Severity: c.worst}}}}
		if got := r.Failed(); got != c.want {
			t.Errorf("--fail-on %s with %s: %t", c.failOn, c.worst, got)
		}
	}
}

func TestBlame(t *testing.T) {
	r := sample()
	at := func(addr string, k *event.K8s) event.Endpoint {
		return event.Endpoint{Addr: netip.MustParseAddr(addr), Port: 1, K8s: k}
	}
	e := event.Event{
		ID: "1", Time: time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC), Verdict: event.Verdict{Reason: event.PlaintextToTLS},
		Client: at("10.0.0.1", nil), Server: at("10.0.0.2", &event.K8s{Namespace: "shop", Workload: hostile}),
	}
	f := r.Result.Findings[0]
	b := lint.Blame{
		Object: f.Object, Field: f.Field, Line: f.Line, Check: f.Check, Rule: "plaintext is reset", Message: f.Message, Fix: f.Fix,
		Confidence: event.Derived, Also: []lint.Ref{{Kind: lint.KindService, Namespace: "shop", Name: hostile}},
	}
	for _, format := range []string{"columns", "json"} {
		var out bytes.Buffer
		if err := r.Blame(&out, format, e, b); err != nil {
			t.Fatal(err)
		}
		if err := r.Unblamed(&out, format, e); err != nil {
			t.Fatal(err)
		}
		golden(t, "blame."+format, out.Bytes())
		if strings.ContainsAny(out.String(), "\x1b\u202e") {
			t.Errorf("%s: a hostile name is written as it is", format)
		}
	}
}

func TestJSONIsWhatItWas(t *testing.T) {
	text := hostile[:len(hostile)-4] + "\U000e0041 é"
	var out bytes.Buffer
	if err := WriteJSON(&out, map[string]string{"name": text}); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["name"] != text {
		t.Errorf("%q, %v; want %q", got["name"], err, text)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	for _, format := range append(Formats(), "yaml") {
		if err := sample().Write(full{}, format); err == nil {
			t.Errorf("%s: no error from an output that is full", format)
		}
	}
}
