// Package sample is what to make of a figure that was measured several times.
package sample

import "slices"

// Sample is one figure, measured several times.
type Sample []float64

// Median is 0 for an empty sample.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Span returns the least and the greatest.
func (s Sample) Span() (least, greatest float64) {
	if len(s) == 0 {
		return 0, 0
	}
	return slices.Min(s), slices.Max(s)
}

// Minus pairs two samples that were taken in turns, so that what slowed the machine down slowed both down.
func (s Sample) Minus(other Sample) Sample {
	d := make(Sample, min(len(s), len(other)))
	for i := range d {
		d[i] = s[i] - other[i]
	}
	return d
}

// Over divides by a constant.
func (s Sample) Over(by float64) Sample {
	d := make(Sample, len(s))
	for i := range s {
		d[i] = s[i] / by
	}
	return d
}

// Ratio pairs two samples as [Sample.Minus] does, and divides.
func (s Sample) Ratio(other Sample) Sample {
	r := make(Sample, min(len(s), len(other)))
	for i := range r {
		r[i] = s[i] / other[i]
	}
	return r
}

// Quartiles are the medians of the lower and of the upper half, which share the middle one of an odd number.
func (s Sample) Quartiles() (lower, upper float64) {
	sorted := Sample(slices.Sorted(slices.Values(s)))
	half := (len(sorted) + 1) / 2
	return sorted[:half].Median(), sorted[len(sorted)-half:].Median()
}
