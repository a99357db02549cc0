package tracer_test

import (
	"errors"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

// eachVariant runs a test with every variant of a purpose that this kernel has, each of them forced.
func eachVariant(t *testing.T, p tracer.Purpose, test func(*testing.T, tracer.VariantReport, map[tracer.Purpose]string)) {
	t.Helper()
	for _, v := range hookReport(t, p).Variants {
		if !v.Usable {
			t.Logf("%s is not to be had here: %s", v.Name, v.Why)
			continue
		}
		t.Run(v.Name, func(t *testing.T) { test(t, v, map[tracer.Purpose]string{p: v.Name}) })
	}
}

func hookReport(t *testing.T, p tracer.Purpose) tracer.HookReport {
	t.Helper()
	for _, h := range tracer.Probe(tracer.Options{}).Hooks {
		if h.Purpose == p {
			return h
		}
	}
	t.Fatalf("the probe does not report on %s", p)
	return tracer.HookReport{}
}

// TestForcedVariants forces each variant of each purpose: one that is to be had is used, and no other takes the place of one that is not.
func TestForcedVariants(t *testing.T) {
	for _, p := range tracer.Purposes {
		for _, v := range hookReport(t, p).Variants {
			t.Run(string(p)+"/"+v.Name, func(t *testing.T) {
				o := tracer.Options{Variants: map[tracer.Purpose]string{p: v.Name}, NoLibraries: p != tracer.PurposeLibraries}
				if !v.Usable {
					refused(t, o)
					return
				}
				if got := watch(t, o).Hooks()[p]; got != v.Name {
					t.Errorf("%s serves %s", got, p)
				}
			})
		}
	}
}

func TestForcedVariantThatThereIsNot(t *testing.T) {
	refused(t, tracer.Options{Variants: map[tracer.Purpose]string{tracer.PurposeResetSent: "divination"}})
}

func refused(t *testing.T, o tracer.Options) {
	t.Helper()
	tr, err := tracer.Open(o)
	if err == nil {
		_ = tr.Close()
		t.Fatal("it opened")
	}
	if errors.Is(err, tracer.ErrPermission) && !mustRun() {
		t.Skip(err)
	}
	if !errors.Is(err, tracer.ErrNotSupported) {
		t.Errorf("error %v, want %v", err, tracer.ErrNotSupported)
	}
}
