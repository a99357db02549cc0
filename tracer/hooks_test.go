package tracer

import (
	"slices"
	"testing"
)

func TestPurposesAreThoseOfTheHooks(t *testing.T) {
	served := map[Purpose]bool{}
	for _, h := range hooks {
		served[h.purpose] = true
		if !slices.Contains(Purposes, h.purpose) {
			t.Errorf("%s is not listed", h.purpose)
		}
	}
	if len(served) != len(Purposes) {
		t.Errorf("%d purposes are listed and %d served", len(Purposes), len(served))
	}
}
