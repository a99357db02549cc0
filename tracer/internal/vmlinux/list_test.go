package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadList(t *testing.T) {
	got, err := ReadList(strings.NewReader("# a comment\n\nx86 struct pt_regs\n\tdi\n\t# another\n    si\ncontext __sk_buff\nfixed tcphdr\nenum\n\tBPF_ANY\nstruct sk_buff\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*Entry{
		{Line: 3, Kind: "struct", Name: "pt_regs", Arch: "x86", Members: []string{"di", "si"}},
		{Line: 7, Kind: "struct", Name: "__sk_buff", Whole: true},
		{Line: 8, Kind: "struct", Name: "tcphdr", Whole: true, Fixed: true},
		{Line: 9, Kind: "enum", Members: []string{"BPF_ANY"}},
		{Line: 11, Kind: "struct", Name: "sk_buff"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadListTellsTheLineThatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ list, want string }{
		"kind":              {"\nclass sock\n", `line 2: "class" is no kind`},
		"no name":           {"struct\n", "line 1: struct needs a name"},
		"only an arch":      {"x86\n", "line 1: want a kind and a name"},
		"member first":      {"\tsk_err\n", "line 1: member sk_err before any type"},
		"two in a line":     {"struct sock\n\tsk_err sk_lock\n", `line 2: want one member a line, have "sk_err sk_lock"`},
		"twice":             {"struct sock\n\tsk_err\n\tsk_err\n", "line 3: struct sock lists sk_err twice"},
		"member of a whole": {"fixed tcphdr\n\trst\n", "line 2: struct tcphdr is taken whole"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadList(strings.NewReader(c.list))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// What bpf/ no longer names has to leave the list.
func TestListHoldsOnlyWhatIsInUse(t *testing.T) {
	sources, err := filepath.Glob("../../../bpf/*.[ch]")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources in bpf/: %v", err)
	}
	var code strings.Builder
	for _, path := range sources {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for _, e := range readTypes(t) {
		for _, name := range e.Members {
			if e.Arch != "" || name == "*" { // named by libbpf's macros
				continue
			}
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(code.String()) {
				t.Errorf("types.txt:%d: %s: %s is nowhere in bpf/", e.Line, e, name)
			}
		}
	}
}

func readTypes(t *testing.T) []*Entry {
	t.Helper()
	list, err := ReadList(strings.NewReader(types))
	if err != nil {
		t.Fatal(err)
	}
	return list
}
