package others

import (
	"os"
	"os/exec"
	"testing"

	"github.com/tlstrace/tlstrace/test/scenarios"
)

// TestTshark plays a few scenarios beside the real tshark: what is read from its output is what this version prints.
func TestTshark(t *testing.T) {
	needTshark(t)
	tool := find(t, "tshark")
	want := map[string]Result{
		"expired/tls1.2/openssl-openssl":                    {Told: true, Right: true, Pods: true},
		"no common ALPN/tls1.2/gnutls-nginx":                {Told: true, Right: true, Pods: true},
		"client certificate by another CA/tls1.3/go-gnutls": {},
		"refused/127.0.0.1":                                 {},
	}
	var wanted []string
	for name := range want {
		wanted = append(wanted, name)
	}
	all := scenarios.All(true)
	windows, output := playHere(t, tool, wanted)
	results := judge(tool, all, windows, output)
	if len(results) != len(want) {
		t.Errorf("%d scenarios were played, want %d", len(results), len(want))
	}
	for _, r := range results {
		if w := want[r.Scenario]; r.Told != w.Told || r.Right != w.Right || r.Pods != w.Pods {
			t.Errorf("%s: got %+v, want %+v", r.Scenario, r, w)
		}
	}
}

// needTshark skips the test where it cannot run; in CI a test that does not run is a failure.
func needTshark(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("tshark")
	switch {
	case err == nil && os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("this test needs root and tshark")
	default:
		t.Skip("this test needs root and tshark")
	}
}
