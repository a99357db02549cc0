package privileges

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/features"
)

// TestPrivilegesAreDropped starts the tracer with everything that root may, and looks at all its threads; then a program appears whose library is
// only probed now, with what was kept.
func TestPrivilegesAreDropped(t *testing.T) {
	needRoot(t)
	for _, flags := range []string{"", "-user 65534 -caps " + six} {
		t.Run("launch "+flags, func(t *testing.T) {
			shared := openDirectory(t)
			ready, port, told := filepath.Join(shared, "ready"), freePort(t), filepath.Join(shared, "events")
			watch := launched(flags)(t, shared, "watch", "--port", port, "-o", "json", "--duration", "120s", "--ready-file", ready)
			events, err := os.Create(told)
			must(t, err)
			watch.Stdout = events
			must(t, watch.Start())
			must(t, events.Close())
			ended := make(chan error, 1)
			go func() { ended <- watch.Wait() }()
			code := beside(t, watch, ready, ended, func() {
				checkThreads(t, watch.Process.Pid)
				untilHeard(t, shared, port, told)
				must(t, watch.Process.Signal(os.Interrupt))
			})
			if code != 0 {
				t.Errorf("watch ends with %d", code)
			}
		})
	}
}

// untilHeard lets the handshakes of a program fail that nobody has seen before, until it is told what its library says: probes come a moment after the
// first handshake.
func untilHeard(t *testing.T, dir, port, told string) {
	t.Helper()
	text, err := os.ReadFile(build(t).handshake)
	must(t, err)
	program := filepath.Join(dir, "handshake")
	must(t, os.WriteFile(program, text, 0o755))
	var first stayed // its probes stay as long as it does
	first.start(t, program, "0")
	first.begin(t)
	defer first.end(t)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var next stayed
		next.start(t, program, port)
		next.begin(t)
		next.end(t)
		events, err := os.ReadFile(told)
		must(t, err)
		if strings.Contains(string(events), `"library"`) {
			return
		}
	}
	t.Error("no library was heard after privileges were dropped")
}

// checkThreads compares what each thread may with what a running tracer needs. CAP_NET_ADMIN is not among it with the capture of watch, nor CAP_BPF where one link holds all probes of a
// library, as on the kernels of today.
func checkThreads(t *testing.T, pid int) {
	t.Helper()
	const later = 1<<38 | 1<<19 | 1<<2 | 1<<40
	kept := fmt.Sprintf("%016x", uint64(later))
	if features.HaveBPFLinkUprobeMulti() != nil {
		kept = fmt.Sprintf("%016x", uint64(later|1<<39))
	}
	want := map[string]string{"CapEff": kept, "CapPrm": kept, "CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1"}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	must(t, err)
	if len(threads) < 2 {
		t.Fatalf("%d threads, want several", len(threads))
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			if w, ok := want[name]; ok && strings.TrimSpace(value) != w {
				t.Errorf("%s: %s is %s, want %s", thread, name, strings.TrimSpace(value), w)
			}
		}
	}
}
