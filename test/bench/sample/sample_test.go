package sample

import (
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		name string
		of   Sample
		want float64
	}{
		{"none", nil, 0},
		{"one", Sample{7}, 7},
		{"odd, unsorted", Sample{9, 1, 5}, 5},
		{"even", Sample{4, 1, 3, 100}, 3.5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.of)
			if got := tc.of.Median(); got != tc.want {
				t.Errorf("%v", got)
			}
			if !slices.Equal(before, tc.of) {
				t.Error("the sample was reordered: pairs no longer match")
			}
		})
	}
}

func TestMinusPairs(t *testing.T) {
	got := Sample{10, 20, 30}.Minus(Sample{1, 2, 3, 4})
	if !slices.Equal(got, Sample{9, 18, 27}) {
		t.Errorf("%v", got)
	}
	if least, greatest := got.Over(9).Span(); least != 1 || greatest != 3 {
		t.Errorf("%v..%v", least, greatest)
	}
}

func TestRatioPairs(t *testing.T) {
	if got := (Sample{10, 30, 1}).Ratio(Sample{5, 20}); !slices.Equal(got, Sample{2, 1.5}) {
		t.Errorf("%v", got)
	}
}

func TestQuartiles(t *testing.T) {
	for _, tc := range []struct {
		name         string
		of           Sample
		lower, upper float64
	}{
		{"none", nil, 0, 0},
		{"one", Sample{7}, 7, 7},
		{"even, unsorted", Sample{4, 1, 3, 2}, 1.5, 3.5},
		{"odd shares the middle", Sample{5, 1, 2, 4, 3}, 2, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if lower, upper := tc.of.Quartiles(); lower != tc.lower || upper != tc.upper {
				t.Errorf("%v..%v", lower, upper)
			}
		})
	}
}
