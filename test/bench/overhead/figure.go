package main

import (
	"fmt"
	"math"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// change is a ratio of medians, and the quartiles of the ratios of the pairs.
type change struct {
	ratio, lower, upper float64
	less, more          float64 // shares of the pairs
}

func newChange(with, without sample.Sample) change {
	pairs := with.Ratio(without)
	c := change{ratio: with.Median() / without.Median()}
	c.lower, c.upper = pairs.Quartiles()
	for _, r := range pairs {
		switch {
		case r < 1:
			c.less += 1 / float64(len(pairs))
		case r > 1:
			c.more += 1 / float64(len(pairs))
		}
	}
	return c
}

// agreed is the share of pairs that have to go the same way for a difference to be one. By chance nine of ten do so in one case of a hundred, on
// either side.
const agreed = 0.9 - 1e-9

func (c change) isLess() bool { return c.less >= agreed }
func (c change) isMore() bool { return c.more >= agreed }

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
