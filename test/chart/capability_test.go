package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is a user that is not root's.
const nobody = 65534

// TestEachCapabilityIsNeeded takes one capability after the other from those of the chart, and sees what fails on this kernel.
func TestEachCapabilityIsNeeded(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("taking capabilities away needs them: run it as root")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("setpriv (util-linux) is not installed")
	}
	var all []string
	for _, c := range daemonSet(t, "securityContext: {privileged: false}").Spec.Template.Spec.Containers[0].SecurityContext.Capabilities.Add {
		all = append(all, string(c))
	}
	servers := map[string]string{"open": startServer(t, "open"), "private": startServer(t, "private"), "deleted": startServer(t, "deleted")}
	tests := []struct {
		without string
		missing string   // what tlstrace says that it lacks: it does not trace at all
		found   []string // whose library is found
	}{
		{"", "", []string{"deleted", "open", "private"}},
		{"BPF", "CAP_BPF", nil},
		{"PERFMON", "CAP_PERFMON", nil},
		{"NET_ADMIN", "CAP_NET_ADMIN", nil},
		{"SYS_PTRACE", "", nil},
		// Files and folders of other users that only they may read; /proc/PID/map_files is one.
		{"DAC_READ_SEARCH", "", []string{"open"}},
		// Files that are there no more: an upgrade has replaced them.
		{"CHECKPOINT_RESTORE", "", []string{"open", "private"}},
	}
	program := tlstrace(t)
	var tried []string
	for _, tt := range tests {
		tried = append(tried, tt.without)
		t.Run("without "+tt.without, func(t *testing.T) {
			kept := slices.DeleteFunc(slices.Clone(all), func(c string) bool { return c == tt.without })
			missing, libraries := doctor(t, program, kept)
			if missing != tt.missing {
				t.Errorf("it lacks %q, want %q", missing, tt.missing)
			}
			if tt.missing != "" {
				return
			}
			if got := whose(servers, libraries); !slices.Equal(got, tt.found) {
				t.Errorf("it finds the libraries of %v, want %v", got, tt.found)
			}
		})
	}
	for _, c := range all {
		if !slices.Contains(tried, c) {
			t.Errorf("nothing shows that %s is needed", c)
		}
	}
}

// doctor runs tlstrace doctor as root of a container with some capabilities, and returns those that it lacks and the libraries that it
// would probe.
func doctor(t *testing.T, program string, capabilities []string) (missing string, libraries []string) {
	t.Helper()
	bounds := "-all"
	for _, c := range capabilities {
		bounds += ",+" + strings.ToLower(c)
	}
	cmd := exec.CommandContext(t.Context(), "setpriv", "--bounding-set="+bounds, "--no-new-privs", program, "doctor", "-o", "json")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var report struct {
		Missing   []string `json:"missing_capabilities"`
		Problems  []struct{ Fatal bool }
		Libraries []struct{ Path, State string }
	}
	if json.Unmarshal(out, &report) != nil {
		t.Fatalf("%v: %s%s", err, out, said.String())
	}
	if fatal := slices.ContainsFunc(report.Problems, func(p struct{ Fatal bool }) bool { return p.Fatal }); fatal != (len(report.Missing) > 0) {
		t.Errorf("it can trace: %v, and lacks %v:\n%s", !fatal, report.Missing, out)
	}
	for _, l := range report.Libraries {
		if l.State == "found" {
			libraries = append(libraries, l.Path)
		}
	}
	return strings.Join(report.Missing, ","), libraries
}

// whose are the servers with a library of their own among those found.
func whose(servers map[string]string, libraries []string) []string {
	var found []string
	for name, dir := range servers {
		if slices.ContainsFunc(libraries, func(path string) bool { return strings.HasPrefix(path, dir+"/libssl") }) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// startServer runs a TLS server of another user with a libssl of its own: which everybody may read, only that user, or which has been
// deleted since. It returns the folder of the library.
func startServer(t *testing.T, kind string) (dir string) {
	t.Helper()
	dir = filepath.Join(shared(t), kind)
	must(t, os.Mkdir(dir, 0o755))
	var copied []string
	for _, library := range opensslLibraries(t) {
		text, err := os.ReadFile(library)
		must(t, err)
		path := filepath.Join(dir, filepath.Base(library))
		must(t, os.WriteFile(path, text, 0o644))
		copied = append(copied, path)
	}
	must(t, os.Chown(dir, nobody, nobody))
	if kind == "private" {
		for _, path := range copied {
			must(t, os.Chown(path, nobody, nobody))
			must(t, os.Chmod(path, 0o600))
		}
		must(t, os.Chmod(dir, 0o700))
	}
	serveTLS(t, dir)
	if kind == "deleted" {
		for _, path := range copied {
			must(t, os.Remove(path))
		}
	}
	return dir
}

// shared is a folder that every user can enter, which those of t.TempDir are not.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tlstrace-chart-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// opensslLibraries are the paths of libssl and libcrypto that openssl(1) is linked to.
func opensslLibraries(t *testing.T) []string {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "ldd", openssl).Output()
	must(t, err)
	var paths []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) > 2 && (strings.HasPrefix(fields[0], "libssl.so") || strings.HasPrefix(fields[0], "libcrypto.so")) {
			paths = append(paths, fields[2])
		}
	}
	if len(paths) != 2 {
		t.Skipf("openssl is linked to neither libssl nor libcrypto: %s", out)
	}
	return paths
}

// serveTLS runs openssl s_server with the libraries of a folder until the test ends, and returns when it listens.
func serveTLS(t *testing.T, dir string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free now
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	cmd := exec.Command("openssl", "s_server", "-accept", address, "-nocert", "-cipher", "ADH:@SECLEVEL=0", "-quiet")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || cmd.Process.Signal(syscall.Signal(0)) != nil {
			t.Fatalf("the server does not listen: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
