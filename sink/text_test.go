package sink

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, text string
		width      int
		want       []string
	}{
		{"nothing", "", 10, nil},
		{"fits", "one two", 7, []string{"one two"}},
		{"between words", "one two three", 8, []string{"one two", "three"}},
		{"within a word", "abcdefghij k", 4, []string{"abcd", "efgh", "ij k"}},
		{"wide runes", "漢字漢字", 5, []string{"漢字", "漢字"}},
		{"a rune wider than the line", "漢字", 1, []string{"漢", "字"}},
		{"no room", "ab", -1, []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wrap(c.text, c.width)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
