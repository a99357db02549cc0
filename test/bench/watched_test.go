package main

import "testing"

func TestParseStatus(t *testing.T) {
	got := parseStatus("Name:\ttlstrace\nVmPeak:\t 1732320 kB\nVmHWM:\t   32000 kB\nVmRSS:\t   31392 kB\nRssAnon:\t   15000 kB\nThreads:\t9\n")
	if want := (resident{peak: 32000 << 10, now: 31392 << 10, private: 15000 << 10}); got != want {
		t.Errorf("%+v", got)
	}
}
