package main

import (
	"testing"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

func TestSignificant(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.00123: "0.0012", 0.5: "0.50", 3.14159: "3.1", 31.4159: "31", 31415.9: "31416", -2.5: "-2.5"} {
		if got := significant(n); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

func TestChange(t *testing.T) {
	for _, tc := range []struct {
		name          string
		with, without sample.Sample
		shown         string
		less, more    bool
	}{
		{"all went one way", sample.Sample{11, 22, 33, 44}, sample.Sample{10, 20, 30, 40}, "+10.0 % (+10.0 % to +10.0 %)", false, true},
		{"half each way", sample.Sample{9, 22, 27, 44}, sample.Sample{10, 20, 30, 40}, "-2.0 % (-10.0 % to +10.0 %)", false, false},
		{"less", sample.Sample{9, 18, 27, 36}, sample.Sample{10, 20, 30, 40}, "-10.0 % (-10.0 % to -10.0 %)", true, false},
		{"nine of ten", sample.Sample{1, 1, 1, 1, 1, 1, 1, 1, 1, 4}, sample.Sample{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, "-50.0 % (-50.0 % to -50.0 %)", true, false},
		{"eight of ten", sample.Sample{1, 1, 1, 1, 1, 1, 1, 1, 4, 4}, sample.Sample{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, "-50.0 % (-50.0 % to -50.0 %)", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChange(tc.with, tc.without)
			if got := c.String(); got != tc.shown || c.isLess() != tc.less || c.isMore() != tc.more {
				t.Errorf("%s, less %v, more %v", got, c.isLess(), c.isMore())
			}
		})
	}
}
