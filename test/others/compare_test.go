package others

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/test/kernels"
	"github.com/tlstrace/tlstrace/test/scenarios"
)

// resultsFile is [ResultsPath] from here.
const resultsFile = "testdata/results.json"

// TestCompare plays every scenario that each tool can be run beside, and writes the results. TLSTRACE_COMPARE names one tool, whose
// results alone are replaced, or "all".
func TestCompare(t *testing.T) {
	wanted := os.Getenv("TLSTRACE_COMPARE")
	if wanted == "" {
		t.Skip("run by make compare")
	}
	all := scenarios.All(false)
	if wanted == "tshark" || wanted == "all" {
		tool := find(t, "tshark")
		windows, output := playHere(t, tool, names(all))
		replace(t, map[string]string{tool.Name: version(t, "tshark")}, judge(tool, all, windows, output))
	}
	if wanted == "bpftrace" || wanted == "all" {
		tool, vm := find(t, "bpftrace"), machine(t)
		windows, output := playInGuest(t, vm, tool, names(guestSlice(all)))
		replace(t, guestVersions(t, vm), judge(tool, all, windows, output))
	}
}

func guestVersions(t *testing.T, vm kernels.VM) map[string]string {
	t.Helper()
	return map[string]string{"bpftrace": version(t, "bpftrace"), "kernel": vm.Image.Version}
}

// replace writes new results of a tool in place of its old ones.
func replace(t *testing.T, versions map[string]string, results []Result) {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("no scenario could be played")
	}
	compared, err := ReadResults(resultsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if compared.Tools == nil {
		compared.Tools = map[string]string{}
	}
	for name, number := range versions {
		compared.Tools[name] = number
	}
	compared.Results = slices.DeleteFunc(compared.Results, func(r Result) bool { return r.Tool == results[0].Tool })
	compared.Results = append(compared.Results, results...)
	slices.SortStableFunc(compared.Results, func(a, b Result) int { return -strings.Compare(a.Tool, b.Tool) })
	if err := compared.Write(resultsFile); err != nil {
		t.Fatal(err)
	}
}

// version is the first number that a program tells of itself.
func version(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d+(\.\d+)+`).FindString(string(out))
}

func names(all []scenarios.Scenario) []string {
	var n []string
	for _, s := range all {
		n = append(n, s.Name)
	}
	return n
}

// guestPrograms are what a scenario's name may end in to be played in the virtual machine. Node and Java are not among them: emulated,
// they take as long to start as their clients wait, and the script does not see into a library that is linked statically.
var guestPrograms = []string{
	"openssl", "curl", "nginx", "plain", "gnutls", "python", "go", "http.server", "echo", "banner", "redis",
	"127.0.0.1", "::1", "expired", "healthy", "refused", "tls1.2", "tls1.3",
}

// guestSlice picks one pair of programs for each failure and version, another one each time, of those that the virtual machine has:
// an emulated machine takes some seconds for a scenario.
func guestSlice(all []scenarios.Scenario) []scenarios.Scenario {
	var slice []scenarios.Scenario
	for turn, group := range groups(all) {
		slice = append(slice, group[turn%len(group)])
	}
	return slice
}

// groups are the scenarios that the virtual machine has all programs for, by failure and version; healthy ones apart.
func groups(all []scenarios.Scenario) [][]scenarios.Scenario {
	var order []string
	byName := map[string][]scenarios.Scenario{}
	for _, s := range all {
		group, needed := playedWith(s)
		if slices.ContainsFunc(needed, func(p string) bool { return !slices.Contains(guestPrograms, p) }) {
			continue
		}
		if s.Truth.Certainty == scenarios.Never {
			group += ", healthy"
		}
		if byName[group] == nil {
			order = append(order, group)
		}
		byName[group] = append(byName[group], s)
	}
	var grouped [][]scenarios.Scenario
	for _, group := range order {
		grouped = append(grouped, byName[group])
	}
	return grouped
}

// playedWith lists the programs of a scenario, and its name without them.
func playedWith(s scenarios.Scenario) (rest string, needed []string) {
	cut := max(strings.LastIndex(s.Name, "/"), 0)
	rest, last := s.Name[:cut], strings.TrimPrefix(s.Name[cut:], "/")
	if s.Client != "" && s.Server != "" {
		return rest, []string{s.Client, s.Server}
	}
	return rest, strings.Split(last, "-")
}

// TestPlayedWith: a name may have no slash, and a program's name a hyphen.
func TestPlayedWith(t *testing.T) {
	tests := []struct {
		s      scenarios.Scenario
		rest   string
		needed []string
	}{
		{scenarios.Scenario{Name: "expired/tls1.2/curl-gnutls-go", Client: "curl-gnutls", Server: "go"}, "expired/tls1.2", []string{"curl-gnutls", "go"}},
		{scenarios.Scenario{Name: "garbage/go-nginx"}, "garbage", []string{"go", "nginx"}},
		{scenarios.Scenario{Name: "scan"}, "", []string{"scan"}},
	}
	for i := range tests {
		tt := &tests[i]
		if rest, needed := playedWith(tt.s); rest != tt.rest || !slices.Equal(needed, tt.needed) {
			t.Errorf("%s: got %q, %q", tt.s.Name, rest, needed)
		}
	}
}

// judge leaves out what could not be played.
func judge(tool Tool, all []scenarios.Scenario, windows []Window, output string) []Result {
	lines := tool.Lines(output)
	var results []Result
	for _, s := range all {
		i := slices.IndexFunc(windows, func(w Window) bool { return w.Scenario == s.Name })
		if i >= 0 {
			results = append(results, tool.Judge(s, windows[i], lines))
		}
	}
	return results
}
