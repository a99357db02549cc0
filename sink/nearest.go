package sink

import "strings"

// nearest returns the member of a set that was most likely meant by word, or "" if a third of it or more would have to change.
func nearest[S ~string](word string, set []S) S {
	if len(word) > 64 {
		return ""
	}
	word = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "-", "_")
	var best S
	least := max(len(word)/3, 2) + 1
	for _, member := range set {
		d := editDistance(word, string(member))
		if short := shortReason(string(member)); short != string(member) {
			d = min(d, editDistance(word, short))
		}
		if d < least {
			best, least = member, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, delete or replace to turn a into b (Levenshtein), one row at a time.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
