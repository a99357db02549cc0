package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// Schema names the form of the JSON report. Fields are added within a version, never renamed or removed.
const Schema = "tlstrace.lint/v1"

type document struct {
	Schema   string    `json:"schema"`
	Findings []finding `json:"findings"`
	Summary  summary   `json:"summary"`
}

type finding struct {
	Check    string        `json:"check"`
	Name     string        `json:"name"`
	Topic    lint.Topic    `json:"topic"`
	Severity lint.Severity `json:"severity"`
	Object   lint.Ref      `json:"object"`
	Field    string        `json:"field,omitempty"`
	Line     int           `json:"line,omitempty"` // of the field
	Message  string        `json:"message"`
	Fix      string        `json:"fix,omitempty"`
	Related  []lint.Ref    `json:"related,omitempty"`
	Known    []string      `json:"known,omitempty"`
	New      bool          `json:"new,omitempty"`
}

type summary struct {
	Errors    int            `json:"errors"`
	Warnings  int            `json:"warnings"`
	Infos     int            `json:"infos"`
	Namespace string         `json:"namespace,omitempty"` // the only one that was asked about
	Objects   int            `json:"objects"`
	Checks    int            `json:"checks"`
	Skipped   []string       `json:"skipped,omitempty"` // checks
	Ignored   int            `json:"ignored"`
	Baselined int            `json:"baselined"`
	Gone      int            `json:"gone"`
	Dropped   int            `json:"dropped"`
	Unknown   map[string]int `json:"unknown_kinds,omitempty"`
}

func (r *Report) json(out io.Writer) error {
	d := document{Schema: Schema, Findings: []finding{}, Summary: r.numbers()}
	for _, f := range r.Result.Findings {
		d.Findings = append(d.Findings, finding{
			Check: f.Check.ID, Name: f.Check.Name, Topic: f.Check.Topic, Severity: f.Severity, Object: f.Object, Field: f.Field,
			Line: f.Line, Message: f.Message, Fix: f.Fix, Related: f.Related, Known: f.Check.Known, New: f.New,
		})
	}
	return WriteJSON(out, d)
}

func (r *Report) numbers() summary {
	n := r.counts()
	s := summary{
		Errors: n[lint.Error], Warnings: n[lint.Warning], Infos: n[lint.Info], Namespace: r.Scope, Objects: r.Objects, Checks: r.Result.Checks,
		Ignored: r.Result.Ignored, Baselined: r.Result.Baselined, Gone: r.Gone, Dropped: r.Result.Dropped, Unknown: r.Unknown,
	}
	for _, c := range r.Result.Skipped {
		s.Skipped = append(s.Skipped, c.ID)
	}
	return s
}

// WriteJSON writes indented JSON in which whatever a terminal would not print as it is has been escaped.
func WriteJSON(out io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(visible(text), '\n'))
	return err
}

// visible spells runes that reorder text or cannot be seen as \uNNNN. They can only be inside of strings there.
func visible(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf && r != 0x7f || unicode.IsPrint(r):
			b.Write(text[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	return b.Bytes()
}
