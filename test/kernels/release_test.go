package kernels

import (
	"slices"
	"testing"
)

func TestFindReleases(t *testing.T) {
	for list, want := range map[string][]string{
		"6.1":        {"6.1"},
		"6.1, 5.10":  {"6.1", "5.10"},
		"all":        {"5.10", "6.1", "6.12", "7.2", "arm64-6.1", "arm64-6.12", "host"},
		"host":       {"host"},
		"":           nil,
		"6.1,4.19":   nil,
		"6.1,,,5.10": nil,
	} {
		releases, err := FindReleases(list)
		if want == nil && err == nil {
			t.Errorf("%q: no error", list)
		}
		if err == nil && !slices.Equal(names(releases), want) {
			t.Errorf("%q: got %q, want %q", list, names(releases), want)
		}
	}
}

func names(releases []Release) []string {
	var all []string
	for _, r := range releases {
		all = append(all, r.Name)
	}
	return all
}
