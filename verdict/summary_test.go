package verdict

import (
	"strings"
	"testing"
)

func TestForeignWordsAreBoundedAndEscaped(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a suite", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
		{"a terminal sequence", "h2\x1b[2J", `"h2\x1b[2J"`},
		{"another script", "h2é", `"h2\u00e9"`},
		{"too long", strings.Repeat("a", 300), `"` + strings.Repeat("a", maxQuoted) + `"`},
		{"longer than a word is", strings.Repeat("a", maxWord+1), `"` + strings.Repeat("a", maxWord+1) + `"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := word(c.in); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
