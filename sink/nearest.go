package sink

import "strings"

// Nearest returns the member of a set that was most likely meant by word, or "" if none is near. A dash is as good as an
// underscore. A third of the word may be wrong, or two letters; else a word that is a part of a member, such as expired, means the
// shortest of those.
func Nearest[S ~string](word string, set []S) S {
	if len(word) > 64 {
		return ""
	}
	word = underscored(strings.TrimSpace(word))
	var best S
	least := min(max(len(word)/3, 2), len(word)-1) + 1
	for _, member := range set {
		name := underscored(string(member))
		if d := min(editDistance(word, name), editDistance(word, shortReason(name))); d < least {
			best, least = member, d
		}
	}
	if best == "" && len(word) >= minPart {
		return shortestWith(word, set)
	}
	return best
}

// minPart is how much of a member has to be given.
const minPart = 3

func shortestWith[S ~string](part string, set []S) S {
	var best S
	for _, member := range set {
		if strings.Contains(underscored(string(member)), part) && (best == "" || len(member) < len(best)) {
			best = member
		}
	}
	return best
}

func underscored(word string) string { return strings.ReplaceAll(strings.ToLower(word), "-", "_") }

// editDistance counts the bytes to insert, delete, replace or swap with their neighbour to turn a into b (optimal string
// alignment).
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
