package kernels

import (
	"os"
	"testing"
)

// TestPage: the page says what was found last. With -update it is written; the kernels that are asked for are tried before.
func TestPage(t *testing.T) {
	all, err := readFindings()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Skip("nothing is written yet: make update-kernels does")
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(page(all)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page(all) {
		t.Errorf("%s does not say what was found: make update-kernels writes it", pagePath)
	}
}
