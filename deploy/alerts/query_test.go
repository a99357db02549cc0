package alerts

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

// aggregations make one series of many. topk and its like keep series as they are.
var aggregations = []string{"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "quantile", "count_values"}

// groupings are followed by a list of labels.
var groupings = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}

// query is what a PromQL expression reads, as far as these tests judge it. Prometheus itself is its parser; see promtool_test.go.
type query struct {
	selectors []selector
	grouped   []string // labels in by, on and their like
}

// selector is a metric, its matchers, and the labels that survive the aggregations around it.
type selector struct {
	metric   string
	matchers [][3]string // label, operator, value
	kept     [][]string  // the by lists of the aggregations around it; nil for one without
}

var (
	token   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|[{}()]`)
	matcher = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)
	metric  = regexp.MustCompile(`^(tlstrace_\w+|\w+:\w+:\w+|up|ALERTS)$`)
)

// scan finds the selectors of an expression.
func scan(t *testing.T, expr string) query {
	t.Helper()
	var q query
	var around [][]string // for every open parenthesis that of an aggregation: its by list; an empty one, not nil, for others
	other := []string{}
	var opens *[]string // what the next parenthesis belongs to
	at := token.FindAllStringIndex(expr, -1)
	word := func(i int) string { return expr[at[i][0]:at[i][1]] }
	for i := 0; i < len(at); i++ {
		switch w := word(i); {
		case w == "(":
			if opens == nil {
				opens = &other
			}
			around, opens = append(around, *opens), nil
		case w == ")":
			if len(around) == 0 {
				t.Fatalf("%s: a parenthesis too many", expr)
			}
			around = around[:len(around)-1]
		case slices.Contains(aggregations, w):
			opens = new([]string)
		case slices.Contains(groupings, w):
			if i+1 == len(at) || word(i+1) != "(" {
				continue // group_left without labels
			}
			list := []string{}
			for i += 2; word(i) != ")"; i++ {
				list = append(list, word(i))
			}
			q.grouped = append(q.grouped, list...)
			if w == "by" && opens != nil {
				*opens = list
			}
		case metric.MatchString(w):
			s := selector{metric: w, kept: aggregated(around)}
			if i+1 < len(at) && word(i+1) == "{" {
				end := strings.Index(expr[at[i+1][0]:], "}")
				for _, m := range matcher.FindAllStringSubmatch(expr[at[i+1][0]:at[i+1][0]+end], -1) {
					s.matchers = append(s.matchers, [3]string(m[1:]))
				}
			}
			q.selectors = append(q.selectors, s)
		}
	}
	return q
}

// aggregated leaves out the parentheses that are no aggregation's.
func aggregated(around [][]string) [][]string {
	return slices.DeleteFunc(slices.Clone(around), func(by []string) bool { return by != nil && len(by) == 0 })
}

// labels are those of the metrics that it reads.
func (q query) labels(known map[string][]string) []string {
	var all []string
	for _, s := range q.selectors {
		all = append(all, known[s.metric]...)
	}
	return all
}

// addsUpRoles says whether client's and server's figures become one.
func (s selector) addsUpRoles(known map[string][]string) bool {
	pinned := slices.ContainsFunc(s.matchers, func(m [3]string) bool { return m[0] == "role" && m[1] == "=" && m[2] != "" })
	lost := slices.ContainsFunc(s.kept, func(by []string) bool { return !slices.Contains(by, "role") })
	return slices.Contains(known[s.metric], "role") && !pinned && lost
}

func TestScan(t *testing.T) {
	known := map[string][]string{"tlstrace_a_total": {"role", "x"}, "tlstrace_b_total": {"x"}}
	for _, c := range []struct {
		name, expr string
		adds       []bool
		grouped    []string
	}{
		{"as it is", `rate(tlstrace_a_total[5m])`, []bool{false}, nil},
		{"all added up", `sum(rate(tlstrace_a_total[5m]))`, []bool{true}, nil},
		{"by something else", `sum by (x) (tlstrace_a_total)`, []bool{true}, []string{"x"}},
		{"by role", `sum by (x, role) (tlstrace_a_total)`, []bool{false}, []string{"x", "role"}},
		{"without", `sum without (role) (tlstrace_a_total)`, []bool{true}, []string{"role"}},
		{"of one role", `sum by (x) (tlstrace_a_total{x=~"a|b", role="client"})`, []bool{false}, []string{"x"}},
		{"of every role", `sum by (x) (tlstrace_a_total{role=~"client|server"})`, []bool{true}, []string{"x"}},
		{"by role, and then not", `max by (x) (sum by (role, x) (tlstrace_a_total))`, []bool{true}, []string{"x", "role", "x"}},
		{"the first of many", `topk(3, tlstrace_a_total)`, []bool{false}, nil},
		{"no roles at all", `sum(tlstrace_b_total)`, []bool{false}, nil},
		{"two", `sum by (role) (tlstrace_a_total) / on (x) group_left () sum(tlstrace_a_total)`, []bool{false, true}, nil},
		{"after an aggregation", `sum(tlstrace_b_total) + (tlstrace_a_total)`, []bool{false, false}, nil},
		{"a brace in a string", `sum by (x) (tlstrace_a_total{x="by (role)"})`, []bool{true}, []string{"x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := scan(t, c.expr)
			var adds []bool
			for _, s := range q.selectors {
				adds = append(adds, s.addsUpRoles(known))
			}
			if diff := cmp.Diff(c.adds, adds); diff != "" {
				t.Error(diff)
			}
			if c.grouped != nil && !slices.Equal(c.grouped, q.grouped) {
				t.Errorf("grouped by %q", q.grouped)
			}
		})
	}
}

// metricLabels are the labels of every metric that there is: documented, recorded by a rule, or made by Prometheus.
func metricLabels(t *testing.T) map[string][]string {
	t.Helper()
	known := map[string][]string{"up": nil, "ALERTS": {"alertname", "alertstate", "severity"}}
	word := regexp.MustCompile("`(\\w+)`")
	_, reference, _ := strings.Cut(document(t, "metrics.md"), "<!--")
	for _, section := range strings.Split(reference, "\n### `")[1:] {
		name, rest, _ := strings.Cut(section, "`")
		known[name] = []string{}
		if _, list, found := strings.Cut(rest, " Labels: "); found {
			list, _, _ = strings.Cut(list, "\n")
			for _, l := range word.FindAllStringSubmatch(list, -1) {
				known[name] = append(known[name], l[1])
			}
		}
		if strings.Contains(rest, "\nHistogram") {
			known[name+"_bucket"] = append([]string{"le"}, known[name]...)
		}
	}
	for _, own := range regexp.MustCompile("`(tlstrace_\\w+)(?:\\{([\\w,]*)\\})?`").FindAllStringSubmatch(document(t, "agent.md"), -1) {
		if known[own[1]] == nil {
			known[own[1]] = strings.Split(own[2], ",")
		}
	}
	for name := range known {
		known[name] = append(known[name], "job", "instance")
	}
	for _, r := range rules(t) {
		if r.Record == "" {
			continue
		}
		q := scan(t, r.Expr)
		known[r.Record] = q.selectors[0].labelsOf(known)
	}
	return known
}

// labelsOf are the labels of the result, as far as the aggregation around it leaves them.
func (s selector) labelsOf(known map[string][]string) []string {
	if len(s.kept) > 0 {
		return s.kept[0]
	}
	return known[s.metric]
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestQueriesReadWhatExists looks at each expression of the rules and the dashboard.
func TestQueriesReadWhatExists(t *testing.T) {
	known := metricLabels(t)
	for name, expr := range expressions(t) {
		q := scan(t, expr)
		if len(q.selectors) == 0 {
			t.Errorf("%s reads no metric: %s", name, expr)
		}
		for _, s := range q.selectors {
			labels, there := known[s.metric]
			if !there {
				t.Errorf("%s: docs/metrics.md and docs/agent.md know no metric %s", name, s.metric)
			}
			for _, m := range s.matchers {
				if !slices.Contains(labels, m[0]) {
					t.Errorf("%s: %s has no label %s", name, s.metric, m[0])
				}
				checkValues(t, name, m)
			}
			if s.addsUpRoles(known) {
				t.Errorf("%s adds up roles of %s: %s", name, s.metric, expr)
			}
		}
		for _, l := range q.grouped {
			if !slices.Contains(q.labels(known), l) {
				t.Errorf("%s groups by %s, which none of its metrics has", name, l)
			}
		}
	}
}

// checkValues wants values of closed sets to be in them.
func checkValues(t *testing.T, name string, m [3]string) {
	t.Helper()
	sets := map[string][]string{
		"reason": spelled(event.Reasons()), "layer": spelled(event.Layers), "role": {"client", "server"},
		"result": {"failed", "succeeded", "undecided", "forbidden", "error", "answered"}, // and those of requests and names
	}
	set, closed := sets[m[0]]
	if !closed || strings.HasPrefix(m[2], "$") {
		return
	}
	for _, value := range strings.Split(m[2], "|") {
		if !slices.Contains(set, value) {
			t.Errorf("%s: there is no %s %q", name, m[0], value)
		}
	}
}

func spelled[S ~string](set []S) []string {
	var all []string
	for _, s := range set {
		all = append(all, string(s))
	}
	return all
}

// expressions are those of the rules and of the dashboard, by where they are.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range rules(t) {
		all[r.name()] = r.Expr
	}
	for _, p := range dashboard(t).panels() {
		for _, target := range p.Targets {
			all["panel "+p.Title+" "+target.RefID] = target.Expr
		}
	}
	return all
}
