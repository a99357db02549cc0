package sink

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestNearest(t *testing.T) {
	flags := []string{"from-pod", "to-pod", "reason", "ready-file"}
	for _, c := range []struct {
		word string
		set  []string
		want string
	}{
		{"from_pod", flags, "from-pod"},
		{"resaon", flags, "reason"},
		{"formpod", flags, "from-pod"},
		{"pod", flags, "to-pod"},
		{"quack", flags, ""},
		{"", flags, ""},
		{"unkown-ca", texts(event.Reasons()), "unknown_ca"},
		{"name_missmatch", texts(event.Reasons()), "name_mismatch"},
		{"porbe", texts(event.Reasons()), "probe"},
		{"self_signed", texts(event.Reasons()), "self_signed"},
		{"handshake", texts(event.Reasons()), "handshake_timeout"},
		{"expired", texts(event.Reasons()), "certificate_expired"},
		{"cert", texts(event.Layers), "certificate"},
		{"ca", texts(event.Reasons()), ""},
		{strings.Repeat("unknown_ca", 1000), texts(event.Reasons()), ""},
	} {
		if got := Nearest(c.word, c.set); got != c.want {
			t.Errorf("Nearest(%.20q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func texts[S ~string](set []S) []string {
	var all []string
	for _, s := range set {
		all = append(all, string(s))
	}
	return all
}
