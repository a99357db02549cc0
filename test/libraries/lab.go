package libraries

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// lab is what all tests share: certificates, ports and a Go program.
type lab struct {
	pki    *pki
	ports  *ports
	gopeer string // TLS client, server and load on crypto/tls
	dir    string
}

// newLab prepares the lab, or skips the test without root.
func newLab(t testing.TB) *lab {
	t.Helper()
	needRoot(t)
	l := &lab{pki: newPKI(t), ports: newPorts(), dir: t.TempDir()}
	l.gopeer = l.buildPeer(t, "gopeer")
	return l
}

// buildPeer builds the Go peer of the scenarios.
func (l *lab) buildPeer(t testing.TB, name string, flags ...string) string {
	t.Helper()
	binary := filepath.Join(l.dir, name)
	args := append([]string{"build", "-o", binary}, flags...)
	if out, err := exec.Command("go", append(args, "../scenarios/gopeer")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Getenv("TLSTRACE_LIBRARIES") == "" {
		t.Skip("probes see every process of the machine, so that these tests need it for themselves: make test-libraries")
	}
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("needs root")
	default:
		t.Skip("needs root")
	}
}

// full says that the large numbers are wanted, however long it takes.
func full() bool { return os.Getenv("TLSTRACE_FULL") == "1" }

// truthOnly says that the traffic is to be run without the tracer.
func truthOnly() bool { return os.Getenv("TLSTRACE_TRUTH") == "1" }
