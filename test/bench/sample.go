package main

import "slices"

// sample is one figure, measured several times.
type sample []float64

// median is 0 for an empty sample.
func (s sample) median() float64 {
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

// span returns the least and the greatest.
func (s sample) span() (least, greatest float64) {
	if len(s) == 0 {
		return 0, 0
	}
	return slices.Min(s), slices.Max(s)
}

// minus pairs two samples that were taken in turns, so that what slowed the machine down slowed both down.
func (s sample) minus(other sample) sample {
	d := make(sample, min(len(s), len(other)))
	for i := range d {
		d[i] = s[i] - other[i]
	}
	return d
}

// over divides by a constant.
func (s sample) over(by float64) sample {
	d := make(sample, len(s))
	for i := range s {
		d[i] = s[i] / by
	}
	return d
}
