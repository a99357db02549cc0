package lint

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCluster reads 5,000 pods, 500 Deployments, 500 Services and 500 policies, and makes all checks. peak-MB is the most memory
// that the process has held, the manifests included; cpu-s/op is processor time, which a busy machine does not stretch as it does the rest:
//
//	go test -run '^$' -bench Cluster -benchtime 3x ./mesh/lint
func BenchmarkCluster(b *testing.B) {
	text := bigCluster()
	b.SetBytes(int64(len(text)))
	runtime.GC()
	debug.FreeOSMemory()
	resetPeak(b)
	before := cpuSeconds(b)
	for b.Loop() {
		files := Files{Stdin: bytes.NewReader(text)}
		set, err := files.Read("-")
		if err != nil {
			b.Fatal(err)
		}
		if set.Objects() != 6550 || set.Problems() != 0 {
			b.Fatalf("%d objects, %d problems: want 6,550 and none", set.Objects(), set.Problems())
		}
		result := Run(Build(Options{Now: time.Unix(1800000000, 0)}, set), Checks())
		if n := len(withID(result, "TLT0401")); n != 50 {
			b.Fatalf("%d rules send plaintext to a STRICT server, want 50", n)
		}
	}
	b.ReportMetric(peak(b), "peak-MB")
	b.ReportMetric((cpuSeconds(b)-before)/float64(b.N), "cpu-s/op")
}

// cpuSeconds is what the process has used, of all cores: the time on a machine that does nothing else is at most that.
func cpuSeconds(b *testing.B) float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// resetPeak makes the kernel count the most memory that is held from here on (proc(5), clear_refs).
func resetPeak(b *testing.B) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak is that of the whole process: %v", err)
	}
}

func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kb float64
	if _, err := fmt.Sscan(after, &kb); err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

func withID(r Result, id string) []Finding {
	var found []Finding
	for _, f := range r.Findings {
		if f.Check.ID == id {
			found = append(found, f)
		}
	}
	return found
}
