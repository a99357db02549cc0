package lint

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChecksAreListed(t *testing.T) {
	seen := map[string]bool{}
	last := ""
	for _, c := range Checks() {
		if seen[c.ID] || seen[c.Name] || c.ID <= last {
			t.Errorf("%s %s is there twice, or out of order", c.ID, c.Name)
		}
		seen[c.ID], seen[c.Name], last = true, true, c.ID
		if len(c.ID) != 7 || !strings.HasPrefix(c.ID, "TLT") || c.Name == "" || c.Topic == "" || c.Severity.rank() == len(Severities) {
			t.Errorf("%s has no proper name, topic or severity", c.ID)
		}
		if c.Fix == "" {
			t.Errorf("%s does not say what to do", c.ID)
		}
		for _, text := range []string{c.Summary, c.Explain} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: no sentence: %q", c.ID, text)
			}
		}
		if (c.Run == nil) != (c.Topic == TopicInput) {
			t.Errorf("%s: a check has to run, but for those of reading", c.ID)
		}
	}
}

// alwaysFinds is a check that reports every namespace.
func alwaysFinds() Check {
	return Check{ID: "TLT9901", Name: "always", Severity: Warning, Topic: TopicPeer, Run: func(w *World, report Report) {
		for _, n := range w.Namespaces {
			report(Finding{Object: n.Ref, Field: "metadata.labels", Message: "found"})
			report(Finding{Object: n.Ref, Field: "metadata.labels", Message: "found"})
		}
	}}
}

func TestFindingsAreCompleted(t *testing.T) {
	w := Build(Options{Now: time.Unix(0, 0)}, readText(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {}\n"))
	check := alwaysFinds()
	check.Fix = "do this."
	got := Run(w, []Check{check})
	if len(got.Findings) != 1 {
		t.Fatalf("%d findings: two that are the same are one", len(got.Findings))
	}
	f := got.Findings[0]
	if f.Severity != Warning || f.Fix != "do this." || f.Line != 5 || f.Object.Line != 1 || f.Object.Source != "-" {
		t.Errorf("%+v", f)
	}
}

func TestIgnoreAnnotation(t *testing.T) {
	for _, c := range []struct {
		value string
		want  int
	}{{"TLT9901", 1}, {"always", 1}, {"TLT0101, TLT9901", 1}, {"TLT0101", 0}, {"TLT99", 0}, {"", 0}} {
		text := fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, annotations: {%s: %q}}\n", IgnoreAnnotation, c.value)
		got := Run(Build(Options{Now: time.Unix(0, 0)}, readText(t, text)), []Check{alwaysFinds()})
		if got.Ignored != c.want || len(got.Findings) != 1-c.want {
			t.Errorf("%q: %d ignored, %d findings", c.value, got.Ignored, len(got.Findings))
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var text strings.Builder
	for i := range maxFindings + 7 {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n%d}\n", i)
	}
	got := Run(Build(Options{Now: time.Unix(0, 0)}, readText(t, text.String())), []Check{alwaysFinds()})
	if len(got.Findings) != maxFindings || got.Dropped != 7 {
		t.Errorf("%d findings, %d dropped", len(got.Findings), got.Dropped)
	}
}

func TestChoose(t *testing.T) {
	all := []Check{{ID: "TLT0101", Name: "a-check"}, {ID: "TLT0102", Name: "b-check"}, {ID: "TLT0201", Name: "c-check"}}
	for _, c := range []struct {
		name       string
		only, skip []string
		want       []string
		err        string
	}{
		{name: "all", want: []string{"TLT0101", "TLT0102", "TLT0201"}},
		{name: "by ID", only: []string{"TLT0102"}, want: []string{"TLT0102"}},
		{name: "by name", only: []string{"c-check", "TLT0101"}, want: []string{"TLT0101", "TLT0201"}},
		{name: "without one", skip: []string{"a-check"}, want: []string{"TLT0102", "TLT0201"}},
		{name: "nothing is left", only: []string{"TLT0101"}, skip: []string{"a-check"}, err: "no check is left"},
		{name: "a typo", only: []string{"a-chekc"}, err: `"a-chekc" is no check; did you mean a-check? (`},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen, err := Choose(all, c.only, c.skip)
			var got []string
			for _, one := range chosen {
				got = append(got, one.ID)
			}
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestBaseline(t *testing.T) {
	check := alwaysFinds()
	found := func(names ...string) Result {
		var r Result
		for _, name := range names {
			r.Findings = append(r.Findings, Finding{Check: &check, Object: Ref{Kind: KindNamespace, Name: name, Line: len(r.Findings)}})
		}
		return r
	}
	var file bytes.Buffer
	if err := NewBaseline(found("a", "b", "b").Findings).Write(&file); err != nil {
		t.Fatal(err)
	}
	known, err := ReadBaseline(&file)
	if err != nil {
		t.Fatal(err)
	}
	now := found("c", "b", "b", "b")
	if gone := known.Apply(&now); gone != 1 || now.Baselined != 2 || len(now.Findings) != 2 {
		t.Errorf("%d gone, %d in the baseline, %d left; want 1, 2, 2 (c and the third b)", gone, now.Baselined, len(now.Findings))
	}
	for _, text := range []string{"", "[]", "{}", `{"schema":"tlstrace.event/v1"}`} {
		if _, err := ReadBaseline(strings.NewReader(text)); !errors.Is(err, ErrBaseline) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMarkNew(t *testing.T) {
	check := alwaysFinds()
	of := func(name string) Finding { return Finding{Check: &check, Object: Ref{Kind: KindNamespace, Name: name}} }
	r := Result{Findings: []Finding{of("a"), of("b"), of("b")}}
	r.MarkNew(Result{Findings: []Finding{of("a"), of("b")}})
	got := []bool{r.Findings[0].New, r.Findings[1].New, r.Findings[2].New}
	if diff := cmp.Diff([]bool{false, false, true}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretsAreNeverTold(t *testing.T) {
	const secret = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t" // base64 of a PEM header
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: n}\ntype: kubernetes.io/tls\n" +
		"data: {tls.crt: " + secret + ", tls.key: " + secret + ", password: aHVudGVyMg==}\n" +
		"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: n}\n" +
		"spec: {servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.b], tls: {mode: SIMPLE, credentialName: s}}]}\n"
	w := Build(Options{Now: time.Unix(1800000000, 0)}, readText(t, text))
	if _, kept := w.Secrets[0].Spec.Data["password"]; kept {
		t.Error("a key is kept that no check reads")
	}
	for _, f := range Run(w, Checks()).Findings {
		for _, part := range []string{f.Message, f.Fix, f.Field} {
			if strings.Contains(part, secret) || strings.Contains(part, "PRIVATE KEY") || strings.Contains(part, "hunter2") {
				t.Errorf("%s tells a secret: %s", f.Check.ID, part)
			}
		}
	}
}
