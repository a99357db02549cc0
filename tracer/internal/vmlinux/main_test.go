package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const committed = "../../../vmlinux.h"

// fromRunningKernel writes the header as the documented command does.
func fromRunningKernel(t *testing.T) (path, text string) {
	t.Helper()
	if _, err := os.Stat(runningBTF); err != nil {
		t.Skip("this kernel has no BTF:", err)
	}
	path = filepath.Join(t.TempDir(), "vmlinux.h")
	if err := run([]string{"-o", path}, nil); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(raw)
}

// missing names what the list asks for and a header does not have.
func missing(header string, list []*Entry) []string {
	var names []string
	for _, e := range list {
		declaration := regexp.QuoteMeta(e.String()) + `( \{|;)`
		if e.Kind == "typedef" {
			declaration = `\b` + e.Name + `;`
		}
		if !regexp.MustCompile(`(?m)` + declaration).MatchString(header) {
			names = append(names, e.String())
		}
		for _, m := range e.Members {
			if m != "*" && !regexp.MustCompile(`\b`+m+`(\[\d+\])?(;|:| = )`).MatchString(header) {
				names = append(names, e.String()+": "+m)
			}
		}
	}
	return names
}

func TestRunningKernelHasEverythingListed(t *testing.T) {
	_, text := fromRunningKernel(t)
	for _, name := range missing(text, readTypes(t)) {
		t.Errorf("%s is listed but not written", name)
	}
}

// The header in the repository follows the list; on the kernel that it was made from, to the byte.
func TestCommittedHeaderFollowsTheList(t *testing.T) {
	raw, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range missing(string(raw), readTypes(t)) {
		t.Errorf("%s is listed but not in vmlinux.h: make it again", name)
	}
	kernel, err := os.ReadFile(runningBTF)
	if err != nil || !bytes.Contains(raw, fmt.Appendf(nil, "sha256 %x", sha256.Sum256(kernel))) {
		t.Log("made from another kernel: only the names were compared")
		return
	}
	if _, text := fromRunningKernel(t); text != string(raw) {
		t.Error("vmlinux.h is not what types.txt makes: make it again")
	}
}

// Whoever drops a line from the header must be told: the check above finds it.
func TestMissingFindsWhatIsMissing(t *testing.T) {
	list := []*Entry{
		{Kind: "struct", Name: "sock", Members: []string{"sk_err", "sk_lock"}},
		{Kind: "typedef", Name: "gfp_t"},
		{Kind: "enum", Members: []string{"BPF_ANY"}},
	}
	got := missing("struct sock {\n\tint sk_err;\n};\nenum {\n\tBPF_ANYTHING = 0,\n};\n", list)
	if want := "struct sock: sk_lock, gfp_t, enum: BPF_ANY"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeaderCompiles(t *testing.T) {
	clang, err := exec.LookPath("clang-16")
	if err != nil {
		t.Skip("no clang-16 here:", err)
	}
	path, _ := fromRunningKernel(t)
	source := filepath.Join("..", "..", "..", "bpf", "tlstrace.bpf.c")
	for _, arch := range []string{"x86", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			out, err := exec.Command(clang, "-g", "-O2", "-mcpu=v3", "-Wall", "-Werror", "-target", "bpf", "-fsyntax-only",
				"-D__TARGET_ARCH_"+arch, "-I", filepath.Dir(path), source).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestRunTellsWhatIsWrong(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "btf")
	if err := os.WriteFile(garbage, []byte("no BTF"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no file":      {[]string{"-btf", garbage + "x"}, "read the kernel's BTF"},
		"no BTF in it": {[]string{"-btf", garbage}, "decode " + garbage},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(c.args, &out)
			if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("error %v, output %q, want an error with %q", err, out.String(), c.want)
			}
		})
	}
}

func TestCommandHidesWhereTheFileLay(t *testing.T) {
	if got, want := command("/home/me/6.1.btf"), "go run ./tracer/internal/vmlinux -o vmlinux.h -btf 6.1.btf"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
