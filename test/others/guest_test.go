package others

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/kernels"
)

const module = "github.com/tlstrace/tlstrace"

// guestKernel is the oldest of Debian's kernels that its bpftrace and the programs of the scenarios are of the same suite with.
const guestKernel = "6.1"

// machine is the virtual machine. The programs fill much of its memory.
func machine(t *testing.T) kernels.VM {
	t.Helper()
	releases, err := kernels.FindReleases(guestKernel)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := kernels.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	image, err := kernels.Fetch(t.Context(), releases[0], cache)
	if err != nil {
		t.Fatal(err)
	}
	vm := kernels.NewVM(image)
	vm.Memory = 4096
	vm.Output = t.Output()
	return vm
}

// bpftrace finds functions through debugfs.
const guestScript = `
mount -t debugfs debugfs /sys/kernel/debug
mkdir -p /var/tmp /var/log/nginx /var/lib/nginx
exec others.test -test.run "^$RUN$" -test.v -test.timeout 40m
`

// playInGuest plays scenarios in the virtual machine and returns what the tool said.
func playInGuest(t *testing.T, vm kernels.VM, tool Tool, names []string) ([]Window, string) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "names")
	if err := os.WriteFile(list, []byte(strings.Join(names, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	result := inGuest(t, vm, "TestPlay", map[string]string{"/root/names": list},
		playTool+"="+tool.Name, playDir+"=/result", playNames+"=/root/names")
	if result.ExitCode != 0 {
		t.Errorf("some scenarios could not be played in the virtual machine:\n%s", summary(result.Output))
	}
	return recorded(t, func(file string) []byte { return result.Files[file] })
}

// inGuest runs a test of this package in the virtual machine.
func inGuest(t *testing.T, vm kernels.VM, test string, more map[string]string, environment ...string) kernels.Result {
	t.Helper()
	files, err := GuestFiles(t.Context(), GuestPrograms)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(files, more)
	files["/usr/bin/others.test"] = build(t, "test", "-c", module+"/test/others")
	files["/usr/bin/gopeer"] = build(t, "build", module+"/test/scenarios/gopeer")
	environment = append(environment, "RUN="+test, "CI=true", "TLSTRACE_GOPEER=/usr/bin/gopeer")
	script := "export " + strings.Join(environment, " ") + guestScript
	result, err := vm.Run(t.Context(), kernels.Job{Script: script, Files: files, Limit: 40 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// build makes a static binary: build("build", pkg) or build("test", "-c", pkg).
func build(t *testing.T, arguments ...string) string {
	t.Helper()
	verb, rest := arguments[0], arguments[1:]
	binary := filepath.Join(t.TempDir(), "binary")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{verb, "-o", binary}, rest...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", arguments, err, out)
	}
	return binary
}

// recorded reads the files that TestPlay leaves.
func recorded(t *testing.T, file func(string) []byte) ([]Window, string) {
	t.Helper()
	var windows []Window
	if err := json.Unmarshal(file(windowsFile), &windows); err != nil {
		t.Fatalf("%s of the player: %v", windowsFile, err)
	}
	return windows, string(file(outputFile))
}
