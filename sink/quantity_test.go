package sink

import (
	"math"
	"testing"
)

func TestSpellSeconds(t *testing.T) {
	for want, s := range map[string]float64{
		"0 µs": 0, "94 µs": 0.000094, "1.0 ms": 0.0009999, "3.4 ms": 0.00341, "99.9 ms": 0.0999, "243 ms": 0.243108, "1.0 s": 0.9999,
		"6.8 s": 6.84, "12 s": 12, "1 min 7 s": 67.2, "59 min 59 s": 3599, "1 h 0 min": 3600, "26 h 2 min": 93720, "years": 1e300, "?": -1,
	} {
		if got := spellSeconds(s, false); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	if got := spellSeconds(0.000094, true); got != "94 us" {
		t.Errorf("in ASCII %q", got)
	}
	if got := spellSeconds(math.NaN(), false); got != "?" {
		t.Errorf("not a number is %q", got)
	}
}

func TestSpellCount(t *testing.T) {
	for want, n := range map[string]uint64{"0": 0, "999": 999, "1,000": 1000, "1,234,567": 1234567, "18,446,744,073,709,551,615": math.MaxUint64} {
		if got := spellCount(n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
