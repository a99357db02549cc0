package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// row is one line of the table.
type row struct {
	what   string
	goal   float64 // the median has to be below; 0 is no goal
	unit   string
	values sample.Sample // one figure per run
	how    string
}

// verdict says whether the goal was met.
func (r row) verdict() string {
	switch {
	case r.goal == 0:
		return ""
	case r.values.Median() < r.goal:
		return "met"
	}
	return "MISSED"
}

func (r row) cells() []string {
	goal, span := "", ""
	if r.goal != 0 {
		goal = "< " + figure(r.goal) + " " + r.unit
	}
	if len(r.values) > 1 {
		least, greatest := r.values.Span()
		span = figure(least) + ".." + figure(greatest) + " in " + strconv.Itoa(len(r.values))
	}
	return []string{r.what, goal, figure(r.values.Median()) + " " + r.unit, span, r.verdict(), r.how}
}

// figure shows a number with as many decimals as matter.
func figure(n float64) string {
	switch {
	case n == float64(int64(n)):
		return strconv.FormatInt(int64(n), 10)
	case n >= 1000 || n <= -1000:
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', 1, 64)
}

// printTable writes rows in columns.
func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join([]string{"COST", "GOAL", "MEDIAN", "RUNS", "", "MEASURED BY"}, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	return t.Flush()
}
