package libraries

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/tracer"
)

// isProbe says that a program runs at a place in a library and stays there for months. Uprobes are of the type of kprobes.
func isProbe(kind ebpf.ProgramType, name string) bool {
	return kind == ebpf.Kprobe && !strings.HasPrefix(name, "reset_") && !strings.HasPrefix(name, "ssl_get_error")
}

// hitCase is healthy traffic and what the probes may cost there, in hits for each handshake.
type hitCase struct {
	name       string
	play       func(t *testing.T, l *lab) (handshakes, requests int)
	mostHits   float64
	perRequest bool // hits are also bounded by 0.01 for each request: reads and writes cost nothing
}

func hitCases() []hitCase {
	return []hitCase{
		// A client in Go returns once from its handshake.
		{name: "nginx verifies nothing, client in Go", mostHits: 1, play: func(t *testing.T, l *lab) (int, int) {
			l.load(t, l.plainNginx(t, ""), 200, "--requests", "0", "--end", "fin")
			return 200, 0
		}},
		{name: "nginx verifies its client, client in Go", mostHits: 2, play: func(t *testing.T, l *lab) (int, int) {
			l.load(t, l.plainNginx(t, l.pki.ca), 200, "--requests", "0", "--end", "fin")
			return 200, 0
		}},
		{name: "nginx, curl verifies", mostHits: 2, play: func(t *testing.T, l *lab) (int, int) {
			l.curl(t, l.plainNginx(t, ""), 200)
			return 200, 200
		}},
		{name: "nginx, wrk with a connection for each request", mostHits: 2, play: func(t *testing.T, l *lab) (int, int) {
			requests := l.wrk(t, l.plainNginx(t, ""), "-H", "Connection: close")
			return requests, requests
		}},
		{name: "nginx, wrk with keep-alive", mostHits: 2, perRequest: true, play: func(t *testing.T, l *lab) (int, int) {
			return wrkConnections, l.wrk(t, l.plainNginx(t, ""))
		}},
		// crypto/tls also says close_notify, at the end of a connection, through the function that says what is wrong.
		{name: "Go on both ends, 20 reads and writes each, the server says close_notify", mostHits: 2, play: func(t *testing.T, l *lab) (int, int) {
			l.load(t, l.goServer(t, ""), 200, "--requests", "20", "--end", "fin")
			return 200, 200 * 20
		}},
		// Each end says goodbye through the function that sends alerts, and the client returns once from its handshake.
		{name: "Go on both ends, both say close_notify", mostHits: 3, play: func(t *testing.T, l *lab) (int, int) {
			l.load(t, l.goServer(t, ""), 200)
			return 200, 200
		}},
	}
}

// wrkConnections is how many connections wrk keeps open.
const wrkConnections = 8

var wrkRequests = regexp.MustCompile(`(\d+) requests in`)

// wrk loads a server for two seconds, and returns how many requests were answered.
func (l *lab) wrk(t *testing.T, port int, flags ...string) int {
	t.Helper()
	argv := append([]string{"-t", "1", "-c", strconv.Itoa(wrkConnections), "-d", "2s"}, flags...)
	out, err := exec.Command("wrk", append(argv, fmt.Sprintf("https://127.0.0.1:%d/", port))...).CombinedOutput()
	m := wrkRequests.FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("wrk: %v: %s", err, out)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n == 0 {
		t.Fatalf("wrk: %v: %s", err, out)
	}
	return n
}

// TestHits counts how often the probes run while all is well.
func TestHits(t *testing.T) {
	l := newLab(t)
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, stats) })
	others := probePrograms(t, nil)
	l.holdPython(t)
	w := startWatch(t, tracer.Options{})
	w.attached(t, linkedTo(t, debian+"libssl.so.3"))
	ours := probePrograms(t, others)
	if len(ours) == 0 {
		t.Fatal("found no programs of probes")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| traffic | handshakes | requests | hits per handshake |\n|---|---|---|---|\n")
	for _, c := range hitCases() {
		t.Run(c.name, func(t *testing.T) {
			before := runs(t, ours)
			handshakes, requests := c.play(t, l)
			hits := difference(runs(t, ours), before)
			fmt.Fprintf(&table, "| %s | %d | %d | %s |\n", c.name, handshakes, requests, perHandshake(hits, handshakes))
			total := 0.0
			for _, n := range hits {
				total += float64(n)
			}
			if each := total / float64(handshakes); each > c.mostHits && !(c.perRequest && total < 0.01*float64(requests)) {
				t.Errorf("%.2f hits for each handshake, want at most %g: %v", each, c.mostHits, hits)
			}
		})
	}
	t.Log("\n" + table.String())
	if *update {
		if err := os.WriteFile(hitsPath, []byte(hitsHead+table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// hitsPath is the page of what was counted. It is not compared: a handshake that is under way when the probes are attached is not hit.
const hitsPath = "../../docs/hits.md"

const hitsHead = `# What probes in TLS libraries cost while all is well

<!-- Written by "TLSTRACE_LIBRARIES=1 go test ./test/libraries -run TestHits -update" on a machine that does nothing else. -->

Counted are the hits of the probes that are always on, on both ends of a connection together, by the kernel's own statistics. A hit takes
one to two microseconds on bare metal, and up to ten in a virtual machine; where OpenSSL verifies a certificate it is on a call (` + "`verify_call`" + `),
which the kernel need not step through, and takes half a microsecond to one. A server that verifies nothing is never hit; OpenSSL and
BoringSSL are hit once where a certificate is verified, a Go client once where its handshake returns, and Go on either side once more where
it says close_notify, through the function that sends alerts. Reads and writes are never hit.

` + "Probes that run more often (`SSL_get_error`, and the end of a Go server's handshake) are in depth only: in `watch`, and in the agent for a while in a process of which a handshake failed, or with `--get-error`.\n\n"

func perHandshake(hits map[string]uint64, handshakes int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(hits)) {
		all = append(all, fmt.Sprintf("%s %.2f", name, float64(hits[name])/float64(handshakes)))
	}
	if len(all) == 0 {
		return "0"
	}
	return strings.Join(all, ", ")
}

func closeIt(t *testing.T, c io.Closer) {
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// probePrograms returns the loaded programs of probes that are not among those of others.
func probePrograms(t *testing.T, others map[ebpf.ProgramID]string) map[ebpf.ProgramID]string {
	t.Helper()
	found := map[ebpf.ProgramID]string{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		id = next
		p, err := readProgram(id)
		if _, other := others[id]; err == nil && !other && isProbe(p.kind, p.name) {
			found[id] = p.name
		}
	}
}

// bpfProgram is what the kernel tells of a BPF program.
type bpfProgram struct {
	kind ebpf.ProgramType
	name string
	runs uint64
}

func readProgram(id ebpf.ProgramID) (bpfProgram, error) {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return bpfProgram{}, err
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return bpfProgram{}, err
	}
	stats, err := p.Stats()
	if err != nil {
		return bpfProgram{}, err
	}
	return bpfProgram{p.Type(), info.Name, stats.RunCount}, nil
}

// runs returns how often each program has run.
func runs(t *testing.T, of map[ebpf.ProgramID]string) map[string]uint64 {
	t.Helper()
	counts := map[string]uint64{}
	for id := range of {
		p, err := readProgram(id)
		if err != nil {
			t.Fatal(err)
		}
		counts[p.name] += p.runs
	}
	return counts
}

func difference(after, before map[string]uint64) map[string]uint64 {
	hits := map[string]uint64{}
	for name, n := range after {
		if n > before[name] {
			hits[name] = n - before[name]
		}
	}
	return hits
}
