package kernels

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/tracer"
)

// Finding is what a run found out about a kernel.
type Finding struct {
	Name     string   `json:"name"` // of the [Release], or "host"
	Kernel   string   `json:"kernel"`
	Arch     string   `json:"arch"`
	Suite    string   `json:"suite,omitempty"` // of Debian; "" if the kernel is not Debian's
	Verified Verified `json:"verified"`
	// Scenarios is how many connections were made and told as they should be.
	Scenarios int `json:"scenarios"`
	Behaviour
}

// Behaviour is the part of a finding that does not change from one build of the same kernel to the next.
type Behaviour struct {
	Hooks    []tracer.HookReport `json:"hooks"`
	Problems []tracer.Problem    `json:"problems,omitempty"`
	// Skipped maps tests that could not be run to the reason.
	Skipped map[string]string `json:"skipped,omitempty"`
	Bare    Bare              `json:"bare"`
}

// Verified is what the kernel's verifier had to do for tlstrace.
type Verified struct {
	Programs     int     `json:"programs"`
	Instructions uint64  `json:"instructions,omitempty"` // that it went through for all programs; Linux 5.16 and later tell
	Largest      string  `json:"largest,omitempty"`
	Most         uint64  `json:"most,omitempty"` // of those, for the largest program
	Milliseconds float64 `json:"milliseconds"`   // to load and attach
}

// Bare is what becomes of a machine without a mount of cgroup v2.
type Bare struct {
	Traced   bool             `json:"traced"` // a failed handshake was told
	Problems []tracer.Problem `json:"problems,omitempty"`
}

// findingsDir keeps what was found last, a file for each kernel.
const findingsDir = "testdata/found"

func findingPath(name string) string { return filepath.Join(findingsDir, name+".json") }

// readFinding returns what was found last on a kernel; nothing at all is no error.
func readFinding(name string) (Finding, error) {
	text, err := os.ReadFile(findingPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Finding{}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	var f Finding
	if err := json.Unmarshal(text, &f); err != nil {
		return Finding{}, fmt.Errorf("%s: %w", findingPath(name), err)
	}
	return f, nil
}

// readFindings returns what was found last on all kernels: Debian's in the order of [Releases], then this machine's.
func readFindings() ([]Finding, error) {
	names := []string{}
	for _, r := range Releases() {
		names = append(names, r.Name)
	}
	var all []Finding
	for _, name := range append(names, hostName) {
		f, err := readFinding(name)
		if err != nil {
			return nil, err
		}
		if f.Name != "" {
			all = append(all, f)
		}
	}
	return all, nil
}

func (f Finding) write() error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(findingsDir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(findingPath(f.Name), append(text, '\n'), 0o644)
}

// differs says how a kernel behaves otherwise than was found last; "" if it does not.
func (b Behaviour) differs(last Behaviour) string {
	var all []string
	if !reflect.DeepEqual(b.Hooks, last.Hooks) {
		all = append(all, difference("hooks", b.Hooks, last.Hooks))
	}
	if !slices.Equal(b.Problems, last.Problems) {
		all = append(all, difference("problems", b.Problems, last.Problems))
	}
	if len(b.Skipped)+len(last.Skipped) > 0 && !reflect.DeepEqual(b.Skipped, last.Skipped) {
		all = append(all, difference("tests that were skipped", b.Skipped, last.Skipped))
	}
	if !reflect.DeepEqual(b.Bare, last.Bare) {
		all = append(all, difference("without cgroup v2", b.Bare, last.Bare))
	}
	return strings.Join(all, "\n")
}

func difference(what string, now, last any) string {
	text := func(v any) string {
		line, err := json.MarshalIndent(v, "  ", "  ")
		if err != nil {
			return err.Error()
		}
		return string(line)
	}
	return fmt.Sprintf("%s: found\n  %s\nand last time\n  %s", what, text(now), text(last))
}
