package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const root = "../.."

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build builds a release of this tree's files in a folder of its own.
func build(t *testing.T, folder string) string {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o755))
	out, err := exec.Command("git", "-C", root, "ls-files", "-coz", "--exclude-standard").Output()
	must(t, err)
	pack := exec.Command("tar", "-C", root, "--null", "--ignore-failed-read", "-T", "-", "-cf", filepath.Join(folder, "..", filepath.Base(folder)+".tar"))
	pack.Stdin = bytes.NewReader(out)
	run(t, pack)
	run(t, exec.Command("tar", "-C", folder, "-xf", filepath.Join(folder, "..", filepath.Base(folder)+".tar")))
	cmd := exec.Command("deploy/release/build", "-t", "linux/amd64")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "VERSION=v0.0.1", "COMMIT=0123456789ab", "SOURCE_DATE_EPOCH=1767225600", "GOFLAGS=", "TZ=Asia/Tokyo")
	if os.Getenv("TLSTRACE_RELEASE") == "cold" {
		cmd.Env = append(cmd.Env, "GOCACHE="+t.TempDir())
	}
	run(t, cmd)
	return filepath.Join(folder, "dist")
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
}

// TestSameBytesFromTwoFolders builds twice, in folders of different names. Compiled packages are shared through Go's cache, unless
// TLSTRACE_RELEASE is cold.
func TestSameBytesFromTwoFolders(t *testing.T) {
	dir := t.TempDir()
	first := files(t, build(t, filepath.Join(dir, "a")))
	second := files(t, build(t, filepath.Join(dir, "another", "folder")))
	if len(first) < 3 || len(first) != len(second) {
		t.Errorf("%d files, and then %d", len(first), len(second))
	}
	for name, content := range first {
		if !bytes.Equal(content, second[name]) {
			t.Errorf("%s is not the same twice", name)
		}
	}
	archive, sbom := first["tlstrace_v0.0.1_linux_amd64.tar.gz"], first["tlstrace_v0.0.1.cdx.json"]
	program := checkArchive(t, archive)
	checkProgram(t, program)
	checkSBOM(t, sbom)
	if !strings.Contains(string(first["checksums.txt"]), "  tlstrace_v0.0.1_linux_amd64.tar.gz\n") {
		t.Errorf("checksums.txt is %s", first["checksums.txt"])
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	all := map[string][]byte{}
	for _, e := range entries {
		all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
	}
	return all
}

// checkArchive wants nothing of who built it in an archive, and returns the program.
func checkArchive(t *testing.T, archive []byte) []byte {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	must(t, err)
	if !unzipped.ModTime.IsZero() || unzipped.Name != "" {
		t.Errorf("gzip tells %v %q", unzipped.ModTime, unzipped.Name)
	}
	var program []byte
	for reader := tar.NewReader(unzipped); ; {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return program
		}
		must(t, err)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(time.Unix(1767225600, 0)) {
			t.Errorf("%s has %d:%d %q %q %v", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
		}
		if h.Name == "tlstrace" {
			program, err = io.ReadAll(reader)
			must(t, err)
		}
	}
}

// checkProgram wants it static, and with its version.
func checkProgram(t *testing.T, program []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tlstrace")
	must(t, os.WriteFile(path, program, 0o755))
	out, err := exec.Command(path, "version").CombinedOutput()
	if must(t, err); !strings.HasPrefix(string(out), "tlstrace v0.0.1 (0123456789ab) go") {
		t.Errorf("it says %s", out)
	}
	if here, err := filepath.Abs(root); err == nil && bytes.Contains(program, []byte(here)) {
		t.Errorf("the program names the folder %s", here)
	}
}

// checkSBOM wants a direct dependency in it, with the version of go.mod.
func checkSBOM(t *testing.T, text []byte) {
	t.Helper()
	var document struct {
		BOMFormat  string
		Components []struct{ Name, Version, PURL string }
	}
	must(t, json.Unmarshal(text, &document))
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	must(t, err)
	want := regexp.MustCompile(`github\.com/cilium/ebpf (v\S+)`).FindSubmatch(raw)
	if want == nil {
		t.Fatal("go.mod does not name ebpf")
	}
	for _, c := range document.Components {
		if c.Name == "github.com/cilium/ebpf" && c.Version == string(want[1]) && document.BOMFormat == "CycloneDX" {
			return
		}
	}
	t.Errorf("the SBOM (%s) has %d modules, and not ebpf %s", document.BOMFormat, len(document.Components), want[1])
}
