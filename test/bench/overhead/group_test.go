package main

import (
	"errors"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	got, err := parseUsage("usage_usec 24913239734\nuser_usec 19294346332\nsystem_usec 5618893402\n")
	if want := 24913239734 * time.Microsecond; got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseUsage("user_usec 1\n"); !errors.Is(err, errNoUsage) {
		t.Errorf("%v", err)
	}
	if _, err := parseUsage("usage_usec many\n"); err == nil {
		t.Error("read a number where there is none")
	}
}
