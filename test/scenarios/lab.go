package scenarios

import (
	"cmp"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// module is the path of this module: what is built by it can be built from any folder in it.
const module = "github.com/tlstrace/tlstrace"

// peers are the programs in other languages than Go, and what stunnel runs.
//
//go:embed testdata/peer.* testdata/Peer.java testdata/curl.py testdata/answer.sh
var peers embed.FS

// Lab is what all scenarios share: certificates, ports and the programs that are built or written for them. It lives as long as the
// test that made it.
type Lab struct {
	pki    *pki
	ports  *ports
	gopeer string       // binary of ./gopeer
	dir    string       // holds the files of peers, in testdata
	javac  func() error // compiles that in Java, once: where none is played there may be no compiler
}

// NewLab prepares the lab, or skips the test without root; in CI it fails then.
func NewLab(t testing.TB) *Lab {
	t.Helper()
	needRoot(t)
	l := &Lab{pki: newPKI(t), ports: newPorts(), dir: t.TempDir()}
	if err := os.CopyFS(l.dir, peers); err != nil {
		t.Fatal(err)
	}
	l.gopeer = cmp.Or(os.Getenv("TLSTRACE_GOPEER"), filepath.Join(l.dir, "gopeer"))
	if _, err := os.Stat(l.gopeer); err != nil {
		build(t, l.gopeer, module+"/test/scenarios/gopeer")
	}
	l.javac = sync.OnceValue(func() error {
		if out, err := exec.Command("javac", "-d", l.dir, l.peer("Peer.java")).CombinedOutput(); err != nil {
			return fmt.Errorf("javac: %w\n%s", err, out)
		}
		return nil
	})
	return l
}

// peer is the path of a program in another language.
func (l *Lab) peer(file string) string { return filepath.Join(l.dir, "testdata", file) }

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
