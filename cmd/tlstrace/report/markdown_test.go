package report

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// reference is the page whose end is made from the checks.
const reference = "../../../docs/lint.md"

// TestReference keeps the documentation in step with the checks.
func TestReference(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	marker := []byte("-update -->\n")
	written, old, found := bytes.Cut(page, marker)
	if !found {
		t.Fatalf("%s has no line that ends in %q", reference, marker)
	}
	var made bytes.Buffer
	made.WriteByte('\n')
	if err := Markdown(&made, lint.Checks()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(reference, append(append(written, marker...), made.Bytes()...), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(made.String(), string(old)); diff != "" {
		t.Errorf("%s (go test ./cmd/tlstrace/report -run TestReference -update, if it is meant):\n%s", reference, diff)
	}
}
