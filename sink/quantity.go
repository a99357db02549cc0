package sink

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// spellSeconds spells a duration in seconds with three digits at most: 340 µs, 3.4 ms, 12 s, 2 min 5 s.
func spellSeconds(s float64, ascii bool) string {
	micro := "µs"
	if ascii {
		micro = "us"
	}
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0) || s < 0:
		return "?"
	case s < 0.0009995:
		return fmt.Sprintf("%.0f %s", s*1e6, micro)
	case s < 0.09995:
		return fmt.Sprintf("%.1f ms", s*1e3)
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	case s > 1e8:
		return "years"
	}
	return spellLong(time.Duration(s * float64(time.Second)).Round(time.Second))
}

func spellLong(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// spellCount spells a number with commas: 12,345.
func spellCount(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func spellBytes(n uint64) string { return spellCount(n) + " B" }

// times is how often an event happened: once, and as often as alike were folded into it.
func times(repeated int) uint64 {
	if repeated < 0 {
		return 1
	}
	return uint64(repeated) + 1
}
