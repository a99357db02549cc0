package privileges

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const unitFile = "../../deploy/systemd/tlstrace.service"

// mostExposed is the worst that systemd-analyze security may think of the unit, of 10. Capabilities for BPF, tracing and other users' processes are
// what remains.
const mostExposed = 3.0

// unit are the settings of the systemd unit, by name. A setting that comes twice is joined.
func unit(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	must(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			settings[name] = strings.TrimSpace(settings[name] + " " + value)
		}
	}
	return settings
}

func TestUnitGrantsWhatTheChartGrants(t *testing.T) {
	u := unit(t)
	want := slices.Sorted(slices.Values(chartCapabilities))
	for _, name := range []string{"AmbientCapabilities", "CapabilityBoundingSet"} {
		if got := slices.Sorted(strings.FieldsSeq(u[name])); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if u["NoNewPrivileges"] != "yes" || u["User"] == "" || u["User"] == "root" {
		t.Errorf("the unit is for user %q with NoNewPrivileges=%s", u["User"], u["NoNewPrivileges"])
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze := analyzer(t)
	// systemd wants the program to be there.
	text, err := os.ReadFile(unitFile)
	must(t, err)
	path := filepath.Join(t.TempDir(), "tlstrace.service")
	must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/tlstrace", build(t).tlstrace)), 0o644))
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--no-pager", path).CombinedOutput()
	found := exposure.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	if level, _ := strconv.ParseFloat(string(found[1]), 64); level > mostExposed {
		t.Errorf("exposure %s, want at most %v\n%s", found[1], mostExposed, out)
	}
}

func analyzer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		unavailable(t, "systemd-analyze (package systemd) is not installed")
	}
	return path
}

// TestUnitSettingsAreEnough runs the program with the unit's user, capabilities and filter of system calls. There is no systemd in a test, and
// runc sets the same.
func TestUnitSettingsAreEnough(t *testing.T) {
	needRoot(t)
	r := row{setting: "systemd unit", tried: "its user, capabilities, `SystemCallFilter` and `NoNewPrivileges`, root directory read only"}
	c := container{user: 65534, filter: unitFilter(t)}
	o := try(t, c.place())
	r.check(t, o)
	thePage.add(r, o)
}

// unitFilter is the unit's filter of system calls as a runtime takes it.
func unitFilter(t *testing.T) map[string]any {
	t.Helper()
	calls := map[string]bool{}
	groups := syscallGroups(t)
	for name := range strings.FieldsSeq(unit(t)["SystemCallFilter"]) {
		expand(groups, name, calls)
	}
	return map[string]any{
		"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": []string{"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"},
		"syscalls": []map[string]any{{"names": slices.Sorted(maps.Keys(calls)), "action": "SCMP_ACT_ALLOW"}},
	}
}

// syscallGroups are what systemd means by @names.
func syscallGroups(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), analyzer(t), "syscall-filter", "--no-pager").Output()
	must(t, err)
	groups := map[string][]string{}
	group := ""
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case !strings.HasPrefix(line, " "):
			group = name
		default:
			groups[group] = append(groups[group], name)
		}
	}
	return groups
}

func expand(groups map[string][]string, name string, calls map[string]bool) {
	if !strings.HasPrefix(name, "@") {
		calls[name] = true
		return
	}
	for _, member := range groups[name] {
		expand(groups, member, calls)
	}
}
