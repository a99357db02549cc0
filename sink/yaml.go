package sink

import (
	"bytes"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/tlstrace/tlstrace/event"
)

// YAML writes every event as a document of its own, with the keys of the JSON form. It is for reading: a character that a terminal
// would obey is spelled out (\u202e), in the string itself.
type YAML struct {
	w    io.Writer
	json []byte
}

// NewYAML makes a sink that writes YAML documents to w, one Write call per event.
func NewYAML(w io.Writer) *YAML { return &YAML{w: w} }

// Write writes one event as one document.
func (y *YAML) Write(e event.Event) error {
	y.json = AppendJSON(y.json[:0], &e)
	doc, err := yaml.JSONToYAML(y.json)
	if err != nil {
		return fmt.Errorf("event %q as YAML: %w", e.ID, err)
	}
	doc = spellUnsafe(doc)
	_, err = y.w.Write(append([]byte("---\n"), doc...))
	return err
}

// Close does nothing: every event was written when it came.
func (y *YAML) Close() error { return nil }

// spellUnsafe replaces the unsafe characters that YAML regards as printable. It changes nothing else, and needs no quotes.
func spellUnsafe(doc []byte) []byte {
	if bytes.IndexFunc(doc, unsafeRune) < 0 {
		return doc
	}
	var out []byte
	for _, r := range string(doc) {
		if unsafeRune(r) {
			out = appendEscape(out, r)
			continue
		}
		out = append(out, string(r)...)
	}
	return out
}
