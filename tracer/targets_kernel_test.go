package tracer_test

import (
	"bufio"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

// TestCryptoAloneIsNoTLS: a process that uses libcrypto and no libssl makes no handshake. The probes that would have to stand in for a
// libssl that is not understood run for every process that shares the file, and often: they stay out.
func TestCryptoAloneIsNoTLS(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	_, out := converse(t, exec.Command(python, "-c", "import _hashlib, sys; print('loaded', flush=True); sys.stdin.read()"))
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "loaded\n" {
		t.Skipf("this python has no libcrypto: %q, %v", line, err)
	}
	w := watch(t, tracer.Options{})
	var crypto tracer.Target
	eventually(t, "a libcrypto has probes", func() bool {
		all := w.Libraries()
		i := slices.IndexFunc(all, func(l tracer.Target) bool {
			return strings.Contains(l.Path, "libcrypto") && l.State == tracer.StateAttached && l.Processes > 0
		})
		if i >= 0 {
			crypto = all[i]
		}
		return i >= 0
	})
	if slices.Contains(crypto.Probes, "openssl_set_error") || slices.Contains(crypto.Probes, "put_error") {
		t.Errorf("%s: %v", crypto.Path, crypto.Probes)
	}
}
