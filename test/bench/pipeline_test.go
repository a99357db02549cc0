package main

import "testing"

func TestParseBenchmarks(t *testing.T) {
	all, err := parseBenchmarks("goos: linux\n" +
		"BenchmarkPipeline/curl788-2         \t   20000\t     25216 ns/op\t      8000 cpu-ns/op\t    9608 B/op\t      28 allocs/op\n" +
		"BenchmarkPipeline/curl788-2         \t   20000\t     90000 ns/op\t      7000 cpu-ns/op\t    9608 B/op\t      28 allocs/op\n" +
		"BenchmarkPipeline/go126-pq-2        \t   20000\t     24862 ns/op\t      9000 cpu-ns/op\t    9192 B/op\t      27 allocs/op\nPASS\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all["curl788"] == nil || all["go126-pq"] == nil {
		t.Fatalf("%v", all)
	}
	if c := all["curl788"]; c.ns.Median() != 7500 || c.allocs != 28 || c.bytes != 9608 {
		t.Errorf("%+v", c)
	}
}

func TestParseBenchmarksRefusesSilence(t *testing.T) {
	if _, err := parseBenchmarks("PASS\n"); err == nil {
		t.Error("no figures, and no error")
	}
}
