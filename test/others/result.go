package others

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/scenarios"
)

// ResultsPath is where the results are, from the root of the module.
const ResultsPath = "test/others/testdata/results.json"

// Results is what the tools said of all scenarios.
type Results struct {
	Tools   map[string]string `json:"tools"` // versions, by the tool's name; "kernel" is that of the virtual machine
	Results []Result          `json:"results"`
}

// Result is what a tool said of one scenario.
type Result struct {
	Scenario string `json:"scenario"`
	Tool     string `json:"tool"`
	// Told says that it printed something that tells a failure from a healthy connection.
	Told bool `json:"told"`
	// Reason is what it printed, without what differs between two runs; empty if nothing.
	Reason string `json:"reason"`
	// Right says that the failure's true reason is among the readings of what was printed; of a healthy connection, that none was
	// called a failure.
	Right bool `json:"right"`
	// Pods says that it named both ends by address and port, so that their pods can be looked up.
	Pods bool `json:"pods"`
	// By is the first process that a line which tells of a failure names; empty if none does.
	By string `json:"by"`
	// Lines is how many lines it printed, those of healthy progress included.
	Lines int `json:"lines"`
}

// Judge compares what a tool printed during a scenario with the truth.
func (tool Tool) Judge(s scenarios.Scenario, w Window, lines []Line) Result {
	own := tool.during(w, lines)
	r := Result{Scenario: s.Name, Tool: tool.Name, Lines: len(own)}
	reasoned := false
	for _, l := range own {
		r.Told = r.Told || l.Told
		r.Pods = r.Pods || l.Told && l.Ends
		if l.Told && r.By == "" {
			r.By = l.Process
		}
		reasoned = reasoned || l.Told && accepts(s.Truth, l)
	}
	r.Reason = said(own, r.Told)
	switch s.Truth.Certainty {
	case scenarios.Never:
		r.Right = !r.Told
	case scenarios.May: // the bytes are those of a healthy connection: silence is right, too
		r.Right = !r.Told || reasoned
	default:
		r.Right = reasoned
	}
	return r
}

// accepts says whether one of the line's readings is true.
func accepts(w scenarios.Truth, l Line) bool {
	return slices.ContainsFunc(l.Reasons, func(r event.Reason) bool { return slices.Contains(w.Reasons, r) || slices.Contains(w.Vague, r) })
}

// longest bounds what is kept of a tool's words.
const longest = 300

// said joins the lines that tell of a failure; if none does, all lines.
func said(lines []Line, told bool) string {
	var texts []string
	for _, l := range lines {
		if l.Told == told {
			texts = append(texts, l.Text)
		}
	}
	text := strings.Join(distinct(texts), "; ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}

// ReadResults reads what [Results.Write] wrote.
func ReadResults(path string) (Results, error) {
	var r Results
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// Write replaces the file, one line for each result.
func (r Results) Write(path string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // addresses are joined by >
	b.WriteString(`{"tools":`)
	if err := e.Encode(r.Tools); err != nil {
		return err
	}
	b.WriteString(`,"results":[` + "\n")
	for i, one := range r.Results {
		if i > 0 {
			b.WriteString(",")
		}
		if err := e.Encode(one); err != nil {
			return err
		}
	}
	b.WriteString("]}\n")
	return os.WriteFile(path, b.Bytes(), 0o644)
}
