package tracer

import (
	"os"
	"path/filepath"
	"testing"
)

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

func TestHasShadowStacks(t *testing.T) {
	for name, tc := range map[string]struct {
		cpuinfo string
		want    bool
	}{
		"a processor with them":      {"processor\t: 0\nflags\t\t: fpu user_shstk ibt\n\nprocessor\t: 1\n", true},
		"one without":                {"processor\t: 0\nflags\t\t: fpu ibt\n", false},
		"a kernel that uses its own": {"vmx flags\t: user_shstk\nflags\t\t: fpu shstk\n", false},
		"arm64":                      {"processor\t: 0\nFeatures\t: fp asimd\n", false},
		"arm64 with them":            {"processor\t: 0\nFeatures\t: fp asimd gcs\n", true},
	} {
		proc := t.TempDir()
		if err := os.WriteFile(filepath.Join(proc, "cpuinfo"), []byte(tc.cpuinfo), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hasShadowStacks(proc); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if !hasShadowStacks(t.TempDir()) {
		t.Error("they are ruled out where nothing can be read")
	}
}
