package report

import (
	"cmp"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

// BlameSchema names the form of the JSON lines of [Report.Blame].
const BlameSchema = "tlstrace.blame/v1"

// blamed is one failure and the object to blame for it. Without an object Blame is "unknown".
type blamed struct {
	Schema     string           `json:"schema"`
	Event      string           `json:"event"` // ID
	Time       time.Time        `json:"time"`
	Reason     event.Reason     `json:"reason"`
	Blame      string           `json:"blame"` // object, or unknown
	Object     *lint.Ref        `json:"object,omitempty"`
	Field      string           `json:"field,omitempty"`
	Line       int              `json:"line,omitempty"`
	Check      string           `json:"check,omitempty"`
	Rule       string           `json:"rule,omitempty"`
	Message    string           `json:"message,omitempty"`
	Fix        string           `json:"fix,omitempty"`
	Confidence event.Confidence `json:"confidence,omitempty"`
	Also       []lint.Ref       `json:"also,omitempty"`
}

// Blame shows the object that a failure is most likely due to; format is columns or json.
func (r *Report) Blame(out io.Writer, format string, e event.Event, b lint.Blame) error {
	if format == "json" {
		line := blamed{
			Schema: BlameSchema, Event: e.ID, Time: e.Time, Reason: e.Verdict.Reason, Blame: "object", Object: &b.Object, Field: b.Field,
			Line: b.Line, Rule: b.Rule, Message: b.Message, Fix: b.Fix, Confidence: b.Confidence, Also: b.Also,
		}
		if b.Check != nil {
			line.Check = b.Check.ID
		}
		return writeLine(out, line)
	}
	var text strings.Builder
	r.failure(&text, e)
	head := []part{{color.Bold, "blame"}, {color.Reset, object(b.Object)}}
	if b.Field != "" {
		head = append(head, part{color.Reset, name(b.Field)})
	}
	if at := place(b.Object.Source, b.Line); at != "" {
		head = append(head, part{color.Faint, at})
	}
	r.head(&text, append(head, part{color.Reset, string(b.Confidence)}))
	rule := b.Rule
	if b.Check != nil {
		rule = b.Check.ID + " " + rule
	}
	r.paragraph(&text, "rule: ", rule)
	r.paragraph(&text, "", b.Message)
	r.paragraph(&text, "fix: ", b.Fix)
	for _, other := range b.Also {
		r.paragraph(&text, "or: ", string(other.Kind)+" "+other.Namespace+"/"+other.Name)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// Unblamed shows a failure that no object accounts for.
func (r *Report) Unblamed(out io.Writer, format string, e event.Event) error {
	if format == "json" {
		return writeLine(out, blamed{Schema: BlameSchema, Event: e.ID, Time: e.Time, Reason: e.Verdict.Reason, Blame: "unknown"})
	}
	var text strings.Builder
	r.failure(&text, e)
	text.WriteString(r.paint(color.Bold, "blame  ") + "unknown\n")
	r.paragraph(&text, "", "No object of this configuration accounts for it.")
	_, err := io.WriteString(out, text.String())
	return err
}

// failure says which handshake it is about.
func (r *Report) failure(b *strings.Builder, e event.Event) {
	line := e.Time.UTC().Format(time.RFC3339) + "  " + end(e.Client) + " -> " + end(e.Server) + "  " + string(e.Verdict.Reason)
	b.WriteString(name(line) + "\n")
}

// end names one end of a connection by what is known of it.
func end(p event.Endpoint) string {
	if k := p.K8s; k != nil {
		if who := cmp.Or(k.Workload, k.Service, k.Pod); who != "" {
			return k.Namespace + "/" + who
		}
	}
	return p.Addr.Unmap().String()
}

func writeLine(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(visible(text), '\n'))
	return err
}
