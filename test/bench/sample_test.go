package main

import (
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		name string
		of   sample
		want float64
	}{
		{"none", nil, 0},
		{"one", sample{7}, 7},
		{"odd, unsorted", sample{9, 1, 5}, 5},
		{"even", sample{4, 1, 3, 100}, 3.5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.of)
			if got := tc.of.median(); got != tc.want {
				t.Errorf("%v", got)
			}
			if !slices.Equal(before, tc.of) {
				t.Error("the sample was reordered: pairs no longer match")
			}
		})
	}
}

func TestMinusPairs(t *testing.T) {
	got := sample{10, 20, 30}.minus(sample{1, 2, 3, 4})
	if !slices.Equal(got, sample{9, 18, 27}) {
		t.Errorf("%v", got)
	}
	if least, greatest := got.over(9).span(); least != 1 || greatest != 3 {
		t.Errorf("%v..%v", least, greatest)
	}
}
