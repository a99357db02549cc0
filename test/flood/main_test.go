package flood_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/flood"
)

// peerRole is the variable that makes this binary a peer:
//
//	refuse AFTER              listens, and refuses each handshake after that long; says "ready ADDRESS"
//	fail ADDRESS N WORKERS RATE FROM...  makes N handshakes fail, and ends
const peerRole = "TLSTRACE_FLOOD_PEER"

// TestMain runs a peer where this binary was started as one, else the tests.
func TestMain(m *testing.M) {
	if role := os.Getenv(peerRole); role != "" {
		if err := play(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := os.RemoveAll(buildDir()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func play(role string, args []string) error {
	if role == "refuse" {
		after, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println("ready", l.Addr())
		return flood.Refuse(l, after)
	}
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(args[1+i])
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	c := flood.Clients{Server: args[0], Workers: numbers[1], Rate: numbers[2], From: args[4:]}
	return c.Fail(context.Background(), numbers[0])
}

// buildDir is where this run builds the program.
func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tlstrace-flood-test-%d", os.Getpid()))
}

// build makes the program once.
var build = sync.OnceValues(func() (string, error) {
	if binary := os.Getenv("TLSTRACE_BIN"); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(buildDir(), "tlstrace")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/tlstrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the agent needs root")
	default:
		t.Skip("the agent needs root")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cgroup makes a cgroup that the agent traces, alone.
func cgroup(t testing.TB) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			dir := filepath.Join(f[1], fmt.Sprintf("tlstrace-flood-%d-%d", os.Getpid(), time.Now().UnixNano()))
			must(t, os.Mkdir(dir, 0o755))
			t.Cleanup(func() { removeCgroup(t, dir) })
			return dir
		}
	}
	t.Fatal("no cgroup v2 hierarchy is mounted")
	return ""
}

// removeCgroup waits until the last of its processes is gone.
func removeCgroup(t testing.TB, dir string) {
	t.Helper()
	var err error
	for range 6000 {
		if err = os.Remove(dir); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error(err)
}
