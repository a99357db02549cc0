package lint

import "strings"

// nearest returns the name that text most likely means: the same but for case and separators, else the one with the fewest
// edits, at most two or a third of its length. "" if none is near.
func nearest(text string, names []string) string {
	best, fewest := "", 1<<30
	for _, name := range names {
		if d := edits(fold(text), fold(name)); d < fewest && d <= max(2, len(name)/3) && d < len(name)-1 {
			best, fewest = name, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(s))
}

// edits is the Levenshtein distance, bounded to names of a sensible length.
func edits(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
