package privileges

import (
	"fmt"
	"strings"
	"sync"
)

// page collects the rows of the table of docs/privileges.md.
type page struct {
	mu    sync.Mutex
	lines map[string]string
}

var thePage = &page{lines: map[string]string{}}

// add writes down what came of a row.
func (p *page) add(r row, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines[r.setting+r.tried] = fmt.Sprintf("| %s | %s | %s | %s |", r.setting, r.tried, r.outcome(), says(o))
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
		all = append(all, strings.ReplaceAll(p.What, "|", `\|`))
	}
	if len(all) == 0 {
		return "nothing is lost"
	}
	return strings.Join(all, "<br>")
}
