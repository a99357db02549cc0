package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

func TestRow(t *testing.T) {
	for _, tc := range []struct {
		name string
		row  row
		want []string
	}{
		{"met", row{"packet", 10, "ns", sample.Sample{9, 4.25, 30}, "clock"}, []string{"packet", "< 10 ns", "9 ns", "4.2..30 in 3", "met", "clock"}},
		{"the goal itself misses it", row{"packet", 10, "ns", sample.Sample{10}, ""}, []string{"packet", "< 10 ns", "10 ns", "", "MISSED", ""}},
		{"no goal", row{"dispatch", 0, "ns", sample.Sample{95.04}, ""}, []string{"dispatch", "", "95.0 ns", "", "", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.row.cells(); !slices.Equal(got, tc.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestPrintAligns(t *testing.T) {
	var out bytes.Buffer
	if err := printTable(&out, []row{{"a", 1, "ns", sample.Sample{2}, "x"}, {"longer", 0, "ns", sample.Sample{12345.6}, "y"}}); err != nil {
		t.Fatal(err)
	}
	want := "COST    GOAL    MEDIAN    RUNS          MEASURED BY\n" +
		"a       < 1 ns  2 ns            MISSED  x\n" +
		"longer          12346 ns                y\n"
	if out.String() != want {
		t.Errorf("\n%s", out.String())
	}
}
