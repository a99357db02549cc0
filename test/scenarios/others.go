package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Others is what other tools told of the same scenarios, as test/others writes it down.
type Others struct {
	Tools   map[string]string `json:"tools"` // versions by tool, and that of the kernel they ran on
	Results []OtherResult     `json:"results"`
}

// OtherResult is what one tool told of one scenario.
type OtherResult struct {
	Scenario string `json:"scenario"` // its name
	Tool     string `json:"tool"`
	Told     bool   `json:"told"`   // it said that something failed
	Reason   string `json:"reason"` // what it printed that names the failure
	Right    bool   `json:"right"`  // and that is the reason
	By       string `json:"by"`     // the process or pod that it names
}

// readOthers returns nil if there is no such file.
func readOthers(path string) (*Others, error) {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := new(Others)
	if err := json.Unmarshal(b, o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

const othersHead = `
## Next to what people use today

The same scenarios, told by others ([test/others](../test/others)); tlstrace over those scenarios of which the tool was asked.

| tool | version | failures | told at all | right reason | which process | healthy | reported as failed |
|---|---|---|---|---|---|---|---|
`

// section shows each tool, with tlstrace's own figures for the same scenarios.
func (o *Others) section(b *strings.Builder, own []Result) {
	if o == nil {
		return
	}
	b.WriteString(othersHead)
	var tools []string
	for _, r := range o.Results {
		if !slices.Contains(tools, r.Tool) {
			tools = append(tools, r.Tool)
		}
	}
	slices.Sort(tools)
	for _, tool := range tools {
		o.rows(b, tool, own)
	}
}

// tally counts what a tool told.
type tally struct{ failures, told, right, by, healthy, alarms int }

func (t *tally) add(w Truth, r OtherResult) {
	if w.Certainty == Never {
		t.healthy++
		t.alarms += count(r.Told)
		return
	}
	t.failures++
	t.told += count(r.Told)
	t.right += count(r.Right)
	t.by += count(r.By != "")
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (t tally) cells() string {
	return fmt.Sprintf("%d | %d | %d | %d | %d | %d |", t.failures, t.told, t.right, t.by, t.healthy, t.alarms)
}

func (o *Others) rows(b *strings.Builder, tool string, own []Result) {
	var theirs, ours tally
	for _, r := range o.Results {
		i := slices.IndexFunc(own, func(one Result) bool { return one.Name == r.Scenario })
		if r.Tool != tool || i < 0 || own[i].Truth.Certainty == May {
			continue
		}
		theirs.add(own[i].Truth, r)
		ours.add(own[i].Truth, own[i].asOther())
	}
	fmt.Fprintf(b, "| %s | %s | %s\n| tlstrace | | %s\n", tool, o.Tools[tool], theirs.cells(), ours.cells())
}

// asOther puts tlstrace's own result into the form of the others.
func (r Result) asOther() OtherResult {
	v, told := r.verdict()
	one := OtherResult{Scenario: r.Name, Tool: "tlstrace", Told: told, Right: told && r.Truth.right(v)}
	for _, e := range r.Told {
		for _, p := range []string{comm(e.Client), comm(e.Server)} {
			if one.By == "" {
				one.By = p
			}
		}
	}
	return one
}
