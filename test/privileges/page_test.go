package privileges

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

const (
	pageFile = "../../docs/privileges.md"
	// The table is between these lines. A row is known by its first two columns; rows that were not tried stay as they are.
	tableBegins = "| setting | tried | outcome | what doctor says |\n|---|---|---|---|\n"
	tableEnds   = "\n\n"
)

// page collects the rows of the table of docs/privileges.md.
type page struct {
	mu   sync.Mutex
	rows []string
}

var thePage = &page{}

// add writes down what came of a row.
func (p *page) add(r row, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = append(p.rows, fmt.Sprintf("| %s | %s | %s | %s |", r.setting, r.tried, r.outcome(), says(o)))
}

// compare looks whether the page says what came of the rows that were tried, or writes it.
func (p *page) compare(write bool) error {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	table, after, ended := strings.Cut(rest, tableEnds)
	if !ok || !ended {
		return fmt.Errorf("%s has no table", pageFile)
	}
	lines := strings.Split(table, "\n")
	for _, r := range p.rows {
		if slices.Contains(lines, r) {
			continue
		}
		if !write {
			return fmt.Errorf("%s does not have the row\n%s\nrun go test ./test/privileges -update", pageFile, r)
		}
		lines = replaceRow(lines, r)
	}
	if !write {
		return nil
	}
	return os.WriteFile(pageFile, []byte(before+tableBegins+strings.Join(lines, "\n")+tableEnds+after), 0o644)
}

// replaceRow puts a row where that of the same setting was, or at the end.
func replaceRow(lines []string, r string) []string {
	key := func(line string) string {
		return strings.Join(strings.SplitN(line, " | ", 3)[:min(2, strings.Count(line, " | "))], " | ")
	}
	for i, line := range lines {
		if key(line) == key(r) {
			lines[i] = r
			return lines
		}
	}
	return append(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), r)
}

// outcome is what came of it, in a word or two.
func (r row) outcome() string {
	var lost []string
	if r.unnamed {
		lost = append(lost, "programs have no names")
	}
	if r.unheard {
		lost = append(lost, "libraries are not heard")
	}
	switch {
	case r.blocked:
		return "not traced"
	case len(lost) > 0:
		return "traced; " + strings.Join(lost, ", ")
	}
	return "traced, nothing lost"
}

// says are doctor's problems.
func says(o outcome) string {
	var all []string
	for _, p := range o.report.Problems {
		what, _, found := strings.Cut(p.What, " is missing (")
		if !found {
			what = strings.ReplaceAll(p.What, "|", `\|`)
		} else {
			what += " is missing"
		}
		all = append(all, what)
	}
	if len(all) == 0 {
		return "nothing is lost"
	}
	return strings.Join(all, "<br>")
}
