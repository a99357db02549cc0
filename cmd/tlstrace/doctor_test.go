package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/tracer"
)

func TestDoctorSaysWhichVariantAndWhatIsMissing(t *testing.T) {
	report := tracer.Report{
		Kernel: "6.1.0", Arch: "amd64", BTF: true, Cgroup: "/sys/fs/cgroup", Lockdown: "none",
		Hooks: []tracer.HookReport{{
			Purpose: tracer.PurposeResetSent, Chosen: "kprobe", Loss: "no reason is told",
			Variants: []tracer.VariantReport{
				{Name: "fentry", Why: "refused by the kernel"},
				{Name: "kprobe", Usable: true, Why: "tcp_send_active_reset is there"},
				{Name: "tracepoint", Usable: true, Why: "tcp:tcp_send_reset is there"},
			},
		}},
		Problems: []tracer.Problem{{What: "fentry is refused", Fix: "boot without lockdown"}},
	}
	w := newTestWorld(t)
	w.probe = func(tracer.Options) tracer.Report { return report }
	if code := w.run([]string{"doctor"}); code != exitFine {
		t.Fatalf("exit code %d, want %d", code, exitFine)
	}
	for _, want := range []string{
		"- fentry       refused by the kernel", "* kprobe ", "+ tracepoint ", "no reason is told",
		"lost  fentry is refused\n  do    boot without lockdown", "can be traced here, with 1 loss",
	} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, w.out.String())
		}
	}
	w.out.Reset()
	w.run([]string{"doctor", "-o", "json"})
	var got tracer.Report
	if err := json.Unmarshal(w.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, got); diff != "" {
		t.Errorf("-o json (-want +got):\n%s", diff)
	}
}

func TestDoctorFailsWhereNothingCanBeTraced(t *testing.T) {
	w := newTestWorld(t)
	w.probe = func(tracer.Options) tracer.Report {
		return tracer.Report{Problems: []tracer.Problem{{What: "no BTF", Fix: "another kernel", Fatal: true}}}
	}
	if code := w.run([]string{"doctor"}); code != exitNoTrace {
		t.Errorf("exit code %d, want %d", code, exitNoTrace)
	}
	if !strings.Contains(w.out.String(), "cannot be traced") {
		t.Errorf("no verdict in:\n%s", w.out.String())
	}
}
