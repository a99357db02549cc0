package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadOverridesAndDeletes(t *testing.T) {
	all := tables{}
	for _, text := range []string{
		"# comment\nE\tf\t2\tx\t[Binary Search]\nV\tf\t0x01\tone\nV\tf\t2\ttwo\nV\tf\t3\tthree",
		"V\tf\t0x2-0x9\t-\nV\tf\t1\tONE",
	} {
		if err := all.read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if len(all["f"]) != 1 || all["f"][1] != "ONE" {
		t.Errorf("got %v, want only 1: ONE", all["f"])
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a missing field":     "V\tf\t1",
		"no number":           "V\tf\tx\tname",
		"no end of the range": "V\tf\t1-\tname",
		"a number too large":  "V\tf\t0x10000\tname",
	} {
		if err := (tables{}).read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSpelling(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{verbatim("Reserved (GREASE)"), ""},
		{verbatim("X25519Kyber768Draft00 (OBSOLETE)"), "X25519Kyber768Draft00"},
		{verbatim("TLS_AES_128_GCM_SHA256"), "TLS_AES_128_GCM_SHA256"},
		{snake("No application Protocol"), "no_application_protocol"},
		{snake("Finished"), "finished"},
		{snake("no_certificate_RESERVED"), "no_certificate_RESERVED"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// The committed tables are what the committed inputs give.
func TestTablesAreCurrent(t *testing.T) {
	out := filepath.Join(t.TempDir(), "names.go")
	if err := run(out, []string{"values.txt", "corrections.txt"}); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../names_iana.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(fresh) != string(committed) {
		t.Error("names_iana.go is out of date: go generate ./tracer/hello")
	}
}
