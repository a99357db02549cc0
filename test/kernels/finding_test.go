package kernels

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

var (
	verifiedLine = regexp.MustCompile(`verified: (\{.*\})`)
	skippedTest  = regexp.MustCompile(`(?m)_test\.go:\d+: (.*)\n\s*--- SKIP: (\S+)`)
)

// readLog takes from the log of the tracer's tests what they skipped, and what the verifier had to do.
func readLog(t *testing.T, log string, found *Finding) {
	t.Helper()
	log = strings.ReplaceAll(log, "\r\n", "\n")
	found.Skipped = map[string]string{}
	for _, m := range skippedTest.FindAllStringSubmatch(log, -1) {
		found.Skipped[m[2]] = m[1]
	}
	if got, want := len(found.Skipped), strings.Count(log, "--- SKIP"); got != want {
		t.Errorf("%d of %d skipped tests give a reason", got, want)
	}
	line := verifiedLine.FindStringSubmatch(log)
	if line == nil {
		t.Error("the log does not tell what the verifier had to do")
		return
	}
	if err := json.Unmarshal([]byte(line[1]), &found.Verified); err != nil {
		t.Errorf("%s: %v", line[1], err)
	}
}

func TestReadLog(t *testing.T) {
	const log = `=== RUN   TestA
    a_test.go:12: probes are not told where they are
--- SKIP: TestA (0.00s)
=== RUN   TestB/one
    b_test.go:7: verified: {"programs":22,"most":12}
    b_test.go:9: no netem
    --- SKIP: TestB/one (0.10s)
--- PASS: TestB (0.10s)
`
	var found Finding
	readLog(t, log, &found)
	if found.Skipped["TestA"] != "probes are not told where they are" || found.Skipped["TestB/one"] != "no netem" || len(found.Skipped) != 2 {
		t.Errorf("skipped: %v", found.Skipped)
	}
	if found.Verified.Programs != 22 || found.Verified.Most != 12 {
		t.Errorf("verified: %+v", found.Verified)
	}
}

func TestBehaviourDiffers(t *testing.T) {
	base := func() Behaviour {
		return Behaviour{Hooks: []tracer.HookReport{{Purpose: "egress", Chosen: "cgroup_skb", Variants: []tracer.VariantReport{{Name: "cgroup_skb", Usable: true}}}}}
	}
	if d := base().differs(base()); d != "" {
		t.Errorf("the same differs: %s", d)
	}
	for what, change := range map[string]func(*Behaviour){
		"hooks":                   func(b *Behaviour) { b.Hooks[0].Variants[0].Usable = false },
		"problems":                func(b *Behaviour) { b.Problems = []tracer.Problem{{What: "lockdown"}} },
		"tests that were skipped": func(b *Behaviour) { b.Skipped = map[string]string{"TestA": "why"} },
		"without cgroup v2":       func(b *Behaviour) { b.Bare.Traced = true },
	} {
		t.Run(what, func(t *testing.T) {
			changed := base()
			change(&changed)
			if d := changed.differs(base()); !strings.HasPrefix(d, what+": found") {
				t.Errorf("got %q", d)
			}
		})
	}
}
