package lint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChunks(t *testing.T) {
	type part struct {
		Text string
		Line int
	}
	for _, c := range []struct {
		name, text string
		want       []part
	}{
		{"nothing", "", nil},
		{"comments only", "# a\n\n# b\n---\n#c\n", nil},
		{"one document without an end of line", "a: 1", []part{{"a: 1", 1}}},
		{"the line is that of the content", "# licence\n\n---\n# more\na: 1\n---\nb: 2\n", []part{{"a: 1\n", 5}, {"b: 2\n", 7}}},
		{"content behind the separator", "a: 1\n--- {b: 2}\n", []part{{"a: 1\n", 1}, {"--- {b: 2}\n", 2}}},
		{"the end of a document", "a: 1\n...\nb: 2\n", []part{{"a: 1\n", 1}, {"b: 2\n", 3}}},
		{"dashes that separate nothing", "a: |\n  ---\n  x\nb: ----\n", []part{{"a: |\n  ---\n  x\nb: ----\n", 1}}},
		{"Windows line ends", "a: 1\r\n---\r\nb: 2\r\n", []part{{"a: 1\r\n", 1}, {"b: 2\r\n", 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []part
			for chunk := range chunks([]byte(c.text)) {
				got = append(got, part{string(chunk.text), chunk.line})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
