package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// BaselineSchema names the form of a baseline file.
const BaselineSchema = "tlstrace.baseline/v1"

// Baseline holds findings that are known and accepted, so that a gate fails on new ones only. It says in words what it accepts: it
// is meant to be committed and reviewed. A finding is known by its check, object and field; what may change by itself, as the line
// and the days that a certificate has left, is not part of it.
type Baseline struct {
	Schema   string     `json:"schema"`
	Findings []Accepted `json:"findings"`
}

// Accepted is a finding that is accepted, as often as Count says.
type Accepted struct {
	Check  string `json:"check"`
	Object string `json:"object"` // kind namespace/name
	Field  string `json:"field,omitempty"`
	Count  int    `json:"count"`
}

// ErrBaseline says that a file is no baseline that this version can read.
var ErrBaseline = errors.New("it is no baseline of tlstrace lint")

// key is what a finding is recognised by.
func (f *Finding) key() Accepted {
	object := f.Object
	name := object.Name
	if object.Namespace != "" {
		name = object.Namespace + "/" + name
	}
	if name == "" {
		name = object.Source
	}
	return Accepted{Check: f.Check.ID, Object: string(object.Kind) + " " + name, Field: f.Field}
}

// counted counts findings by what they are recognised by.
func counted(findings []Finding) map[Accepted]int {
	n := map[Accepted]int{}
	for i := range findings {
		n[findings[i].key()]++
	}
	return n
}

// NewBaseline accepts findings.
func NewBaseline(findings []Finding) Baseline {
	b := Baseline{Schema: BaselineSchema, Findings: []Accepted{}}
	for a, n := range counted(findings) {
		a.Count = n
		b.Findings = append(b.Findings, a)
	}
	slices.SortFunc(b.Findings, func(x, y Accepted) int {
		return cmp.Or(cmp.Compare(x.Check, y.Check), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Field, y.Field))
	})
	return b
}

// ReadBaseline reads what [Baseline.Write] wrote. The error wraps [ErrBaseline] if it is something else.
func ReadBaseline(in io.Reader) (Baseline, error) {
	var b Baseline
	if err := json.NewDecoder(io.LimitReader(in, maxFile)).Decode(&b); err != nil {
		return b, fmt.Errorf("%w: %w", ErrBaseline, err)
	}
	if b.Schema != BaselineSchema {
		return b, fmt.Errorf("%w: its schema is %q, not %q", ErrBaseline, b.Schema, BaselineSchema)
	}
	return b, nil
}

// Write writes the baseline, one finding a line, so that a review shows what has changed.
func (b Baseline) Write(out io.Writer) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// Apply takes what the baseline accepts out of a result, and returns how many of the baseline's findings are no longer there.
func (b Baseline) Apply(r *Result) (gone int) {
	left := map[Accepted]int{}
	for _, a := range b.Findings {
		n := max(a.Count, 1)
		a.Count = 0
		left[a] += n
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		k := f.key()
		if left[k] == 0 {
			return false
		}
		left[k]--
		r.Baselined++
		return true
	})
	for _, n := range left {
		gone += n
	}
	return gone
}

// MarkNew marks the findings that are not among those of before: what an overlay of files has brought about.
func (r *Result) MarkNew(before Result) {
	old := counted(before.Findings)
	for i := range r.Findings {
		f := &r.Findings[i]
		if k := f.key(); old[k] > 0 {
			old[k]--
		} else {
			f.New = true
		}
	}
}
