package main

import (
	"fmt"
	"math"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// change is a ratio of medians, and the quartiles of the ratios of the pairs.
type change struct{ ratio, lower, upper float64 }

func newChange(with, without sample.Sample) change {
	lower, upper := with.Ratio(without).Quartiles()
	return change{with.Median() / without.Median(), lower, upper}
}

// measurable says that at least three pairs of four went the same way.
func (c change) measurable() bool { return c.lower > 1 || c.upper < 1 }

func (c change) String() string {
	return fmt.Sprintf("%s (%s to %s)", signed(c.ratio), signed(c.lower), signed(c.upper))
}

// signed is a ratio as a difference in per cent.
func signed(ratio float64) string { return fmt.Sprintf("%+.1f %%", 100*(ratio-1)) }

// percent shows a share with two digits that matter.
func percent(share float64) string { return significant(100*share) + " %" }

// significant shows a figure with two digits that matter, and no zero where there is something.
func significant(n float64) string {
	if n == 0 {
		return "0"
	}
	decimals := max(0, 1-int(math.Floor(math.Log10(math.Abs(n)))))
	return fmt.Sprintf("%.*f", min(decimals, 6), n)
}
