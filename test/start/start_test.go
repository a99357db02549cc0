package start

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crowd is how many processes there are to look at, on top of the machine's own.
const crowd = 200

// BenchmarkStart measures the time from starting the program until it traces, with 200 processes, half of which use OpenSSL: `make
// bench-start`. Each iteration is one start.
func BenchmarkStart(b *testing.B) {
	needRoot(b)
	binary := build(b)
	gather(b)
	var took []float64
	for b.Loop() {
		s := start(b, binary)
		took = append(took, s.took.Seconds()*1000)
		b.StopTimer()
		s.end(b, syscall.SIGTERM)
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // the mean, with the program's build in it
	b.ReportMetric(took[0], "least-ms")
	b.ReportMetric(took[len(took)/2], "median-ms")
	b.ReportMetric(took[len(took)-1], "greatest-ms")
	b.ReportMetric(crowd, "processes")
}

// gather starts the processes, and ends them with the test.
func gather(t testing.TB) {
	t.Helper()
	for i := range crowd {
		cmd := exec.Command("sleep", "infinity")
		if i%2 == 0 {
			cmd = exec.Command("openssl", "s_server", "-nocert", "-quiet", "-accept", "127.0.0.1:0")
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		must(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		if i%2 == 0 {
			eventually(t, "a server uses OpenSSL", func() bool { return usesOpenSSL(cmd.Process.Pid) })
		}
	}
	time.Sleep(time.Second) // the last of them settle
}

func usesOpenSSL(pid int) bool {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	return err == nil && strings.Contains(string(maps), "/libssl.so")
}
