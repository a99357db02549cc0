package scenarios

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// lab is what all scenarios share: certificates, ports and the programs that are built or written for them.
type lab struct {
	pki    *pki
	ports  *ports
	gopeer string // binary of ./gopeer
	dir    string
}

// newLab prepares the lab, or skips the test without root.
func newLab(t testing.TB) *lab {
	t.Helper()
	needRoot(t)
	l := &lab{pki: newPKI(t), ports: newPorts(), dir: t.TempDir()}
	l.gopeer = build(t, filepath.Join(l.dir, "gopeer"), "./gopeer")
	return l
}

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t testing.TB) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the scenarios need root")
	default:
		t.Skip("the scenarios need root")
	}
}

func build(t testing.TB, binary, pkg string) string {
	t.Helper()
	if out, err := exec.Command("go", "build", "-o", binary, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// full says that every combination is wanted, however long it takes.
func full() bool { return os.Getenv("TLSTRACE_FULL") == "1" }

// truthOnly says that the traffic is to be run without the tracer.
func truthOnly() bool { return os.Getenv("TLSTRACE_TRUTH") == "1" }
