package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// patience bounds how long something may take that should happen.
const patience = 60 * time.Second

// programs is the variable that names the directory of what is tested. It is set for the process that runs the tests.
const programs = "TLSTRACE_TEST_PROGRAMS"

// TestMain runs a peer where this binary was started as one. Else it builds what is tested, and runs the tests in a network namespace of
// their own: the nodes are reached from there, and nobody else has their addresses.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(peerRole) != "":
		if err := play(os.Getenv(peerRole), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Geteuid() != 0 || os.Getenv(programs) != "":
		os.Exit(m.Run())
	default:
		os.Exit(alone())
	}
}

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the agents need root")
	default:
		t.Skip("the agents need root")
	}
}

// alone builds, while there is a network, and runs this binary again where there is none. It returns its exit code.
func alone() int {
	dir, err := os.MkdirTemp("", "tlstrace-plugin-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // they are for the tests, which clean up
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), programs+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// build makes the agent, the plugin and the kubelet, and the API server where it is not in the cache. Where that cannot be built,
// cluster.Start says so.
func build(dir string) error {
	for name, from := range map[string]string{"tlstrace": "../../cmd/tlstrace", "kubectl-tlstrace": "../../cmd/kubectl-tlstrace"} {
		if err := compile("", filepath.Join(dir, name), from); err != nil {
			return err
		}
	}
	if err := compile("kubelet", filepath.Join(dir, "kubelet"), "."); err != nil {
		return err
	}
	cache, err := cluster.CacheDir()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), cluster.BuildTime)
	defer cancel()
	if _, err = cluster.Binaries(ctx, cache); errors.Is(err, cluster.ErrUnavailable) {
		return nil
	}
	return err
}

func compile(module, binary, pkg string) error {
	cmd := exec.Command("go", "build", "-o", binary, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// program is the path of one that was built.
func program(name string) string { return filepath.Join(os.Getenv(programs), name) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// command runs a program to its end.
func command(t testing.TB, in string, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// eventually waits for a condition; state is what to show if it does not come.
func eventually(t testing.TB, what string, holds func() bool, state func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not happen that %s\n%s", what, state())
		}
	}
}
