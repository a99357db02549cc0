package kernels

import (
	"slices"
	"testing"
)

func TestNumbersOrderPackages(t *testing.T) {
	inOrder := []string{
		"linux-image-5.10.0-9-cloud-amd64",
		"linux-image-5.10.0-32-cloud-amd64",
		"linux-image-6.12.9+deb13-cloud-amd64",
		"linux-image-6.12.107+deb13-cloud-amd64",
		"linux-image-6.12.117+deb13-cloud-amd64",
	}
	sorted := slices.SortedFunc(slices.Values([]string{inOrder[4], inOrder[0], inOrder[3], inOrder[1], inOrder[2]}),
		func(x, y string) int { return slices.Compare(numbers(x), numbers(y)) })
	if !slices.Equal(sorted, inOrder) {
		t.Errorf("got %q, want %q", sorted, inOrder)
	}
}
