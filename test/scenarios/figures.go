package scenarios

import (
	"fmt"
	"strings"
)

// Figures are what a line of docs/truth.md sums up, read back.
type Figures struct {
	Failures                 int
	Recall, Precision, Exact float64 // percent
	WrongGaveUp              int
}

// parseFigures reads what [Score.Line] writes.
func parseFigures(line string) (Figures, error) {
	var f Figures
	_, err := fmt.Sscanf(strings.TrimSpace(line), "truth: %d failures, recall %f%%, precision %f%%, exact %f%%, gave-up wrong %d",
		&f.Failures, &f.Recall, &f.Precision, &f.Exact, &f.WrongGaveUp)
	if err != nil {
		return Figures{}, fmt.Errorf("no figures in %q: %w", line, err)
	}
	return f, nil
}

// worse says in which figures now is worse than before, one sentence each.
func (f Figures) worse(before Figures) []string {
	var wrong []string
	for _, c := range []struct {
		name        string
		now, before float64
	}{
		{"failures", float64(f.Failures), float64(before.Failures)},
		{"recall", f.Recall, before.Recall},
		{"precision", f.Precision, before.Precision},
		{"exact", f.Exact, before.Exact},
		{"gave-up wrong", float64(-f.WrongGaveUp), float64(-before.WrongGaveUp)},
	} {
		if c.now < c.before {
			wrong = append(wrong, fmt.Sprintf("%s: %v, and it was %v", c.name, c.now, c.before))
		}
	}
	return wrong
}
