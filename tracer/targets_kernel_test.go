package tracer_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/tracer/library"
)

// ownOpenSSL is a copy of the OpenSSL that Python uses: nobody else has it.
type ownOpenSSL struct{ python, libssl, libcrypto string }

func newOpenSSL(t *testing.T) ownOpenSSL {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	const show = `import _ssl; print(*{l.split()[-1] for l in open("/proc/self/maps") if "/libssl.so" in l or "/libcrypto.so" in l})`
	out, err := exec.Command(python, "-c", show).Output()
	paths := strings.Fields(string(out))
	slices.Sort(paths)
	if err != nil || len(paths) != 2 {
		t.Skipf("this python has no OpenSSL of two files: %q, %v", out, err)
	}
	dir := t.TempDir()
	return ownOpenSSL{python: python, libcrypto: copyTo(t, dir, paths[0]), libssl: copyTo(t, dir, paths[1])}
}

func copyTo(t *testing.T, dir, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// load starts a process that maps libraries, and waits until it has.
func (o ownOpenSSL) load(t *testing.T, libraries ...string) {
	t.Helper()
	// A library that is no module stays loaded. A Python in a virtual machine has no ctypes.
	const script = `
import importlib.machinery, importlib.util, sys
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_loader("library", importlib.machinery.ExtensionFileLoader("library", path))
    try:
        importlib.util.module_from_spec(spec)
    except ImportError:
        pass
maps = open("/proc/self/maps").read()
print("loaded" if all(path in maps for path in sys.argv[1:]) else maps, flush=True)
sys.stdin.read()
`
	_, out := converse(t, exec.Command(o.python, append([]string{"-c", script}, libraries...)...))
	said := ""
	if _, err := fmt.Fscan(out, &said); err != nil || said != "loaded" {
		t.Fatalf("python says %q, %v", said, err)
	}
}

// target is what the tracer knows of a file.
func (w *watched) target(path string) tracer.Target {
	all := w.Libraries()
	if i := slices.IndexFunc(all, func(l tracer.Target) bool { return l.Path == path && l.Processes > 0 }); i >= 0 {
		return all[i]
	}
	return tracer.Target{}
}

// TestCryptoAloneIsNoTLS: a process that uses libcrypto and no libssl makes no handshake. The probes that would have to stand in for a
// libssl that is not understood run for every process that shares the file, and often: they stay out.
func TestCryptoAloneIsNoTLS(t *testing.T) {
	o := newOpenSSL(t)
	o.load(t, o.libcrypto)
	w := watch(t, tracer.Options{})
	var crypto tracer.Target
	eventually(t, "a libcrypto is known", func() bool {
		crypto = w.target(o.libcrypto)
		return crypto.Processes > 0
	})
	if crypto.State != tracer.StateStandby || len(crypto.Probes) > 0 {
		t.Errorf("%+v", crypto)
	}
}

// TestCertificateIsReadWhereLibsslAsks: the function that tells the result of a verification has no probe, so that healthy handshakes pay little.
func TestCertificateIsReadWhereLibsslAsks(t *testing.T) {
	if tracer.HasShadowStacks("/proc") {
		t.Skip("here the calls in libssl are left alone")
	}
	o := newOpenSSL(t)
	c := newContainer(t)
	w := watch(t, tracer.Options{})
	w.runs(t, "") // counts from now on
	config := &tls.Config{Certificates: []tls.Certificate{c.ca.leaf}}
	server := serve(t, "tcp", "127.0.0.1:0", func(n net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(n, config)) })
	client := exec.Command(o.python, "-c", attempts, strconv.Itoa(int(server.Port())), c.pem)
	client.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Dir(o.libssl))
	attempt := attempting(t, client)
	attempt("healthy") // by its first connection a process is known
	eventually(t, "libssl has its probes", func() bool { return w.target(o.libssl).State == tracer.StateAttached })
	if ssl := w.target(o.libssl); !slices.Contains(ssl.Probes, "verify_call") {
		t.Errorf("libssl: %+v", ssl)
	}
	if crypto := w.target(o.libcrypto); crypto.State != tracer.StateStandby || len(crypto.Probes) > 0 {
		t.Errorf("libcrypto: %+v", crypto)
	}
	const healthy = 10
	before := w.runs(t, "verify_call")
	for range healthy {
		attempt("healthy")
	}
	if n := w.runs(t, "verify_call") - before; n < healthy { // others may share the machine
		t.Errorf("the probe ran %d times in %d handshakes", n, healthy)
	}
	attempt("refused")
	for e := w.next(t, server.Port()); ; e = w.next(t, server.Port()) {
		if l := e.Library; l != nil {
			if l.VerifyText != "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT" {
				t.Errorf("library: %+v", l)
			}
			return
		}
	}
}

// TestLibcryptosThatDiffer: after an upgrade, a process that runs may load the new libssl beside the old libcrypto. The probes in that libssl
// cannot be right for it and for the others: its verify results are read in both libcryptos.
func TestLibcryptosThatDiffer(t *testing.T) {
	o := newOpenSSL(t)
	old := copyTo(t, t.TempDir(), o.libcrypto)
	moveError(t, old)
	o.load(t, o.libcrypto, o.libssl)
	t.Run("one", func(t *testing.T) {
		w := watch(t, tracer.Options{})
		want := func(path, probe string) {
			eventually(t, path+" has "+probe, func() bool { return slices.Contains(w.target(path).Probes, probe) })
		}
		if tracer.HasShadowStacks("/proc") {
			want(o.libcrypto, "verify_result")
			return
		}
		want(o.libssl, "verify_call")
	})
	o.load(t, old, o.libssl)
	t.Run("and another", func(t *testing.T) {
		w := watch(t, tracer.Options{})
		for _, crypto := range []string{o.libcrypto, old} {
			eventually(t, crypto+" has a probe", func() bool { return slices.Equal(w.target(crypto).Probes, []string{"verify_result"}) })
		}
		if ssl := w.target(o.libssl); ssl.State != tracer.StateAttached || slices.Contains(ssl.Probes, "verify_call") {
			t.Errorf("libssl: %+v", ssl)
		}
	})
}

// moveError makes a libcrypto read the error from another place in its structure. It is of no use after that.
func moveError(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, err := library.Analyse(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	at := slices.IndexFunc(found[0].Points, func(p library.Point) bool { return p.Probe == library.ProbeVerifyResult })
	load := []byte{0x8b, 0x87} // MOV EAX, [RDI+disp32]
	code := file[found[0].Points[at].Offset:][:16]
	if i := bytes.Index(code, load); i >= 0 {
		code[i+len(load)] ^= 8
	} else {
		t.Skip("this libcrypto is not for amd64")
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}
