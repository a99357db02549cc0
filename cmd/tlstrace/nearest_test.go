package main

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"unknown_ca", "self_signed", "name_mismatch", "probe"}
	tests := []struct{ word, want string }{
		{"unknown-ca", "unknown_ca"},
		{"unkown_ca", "unknown_ca"},
		{"name_missmatch", "name_mismatch"},
		{"porbe", "probe"},
		{"self_signed", "self_signed"},
		{"handshake", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, names); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
