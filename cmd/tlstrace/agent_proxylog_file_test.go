package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// reading is a log that is read step by step.
type reading struct {
	*testing.T
	log  *podLog
	said *bytes.Buffer
	path string
}

func newReading(t *testing.T) *reading {
	said := &bytes.Buffer{}
	logs := newProxyLogs(t.TempDir(), "n1", &kept{}, slog.New(slog.NewTextHandler(said, nil)), func(error) {})
	r := &reading{T: t, said: said, path: podLogPath(t, logs.dir, "web-1"), log: newPodLog(logs, podName{"shop", "web-1"})}
	t.Cleanup(r.log.close)
	return r
}

// write appends what the proxy logs of a connection from each port.
func (r *reading) write(ports ...int) {
	r.Helper()
	for _, port := range ports {
		appendLog(r.T, r.path, healthyLine, accessLine(fmt.Sprint("10.244.0.7:", port)))
	}
}

// want looks and reads, and compares the ports of the failures.
func (r *reading) want(ports ...int) {
	r.Helper()
	var got []int
	tell := func(e event.Event) { got = append(got, int(e.Client.Port)) }
	newer := r.log.look()
	r.log.read(podLogStep, tell)
	if newer {
		r.log.turn()
		r.log.read(podLogTail, tell)
	}
	if !slices.Equal(got, ports) {
		r.Fatalf("read %v, want %v", got, ports)
	}
}

func (r *reading) do(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func TestPodLogGrows(t *testing.T) {
	r := newReading(t)
	r.want()
	r.write(1, 2)
	r.want(1, 2)
	r.want()
	line := accessLine("10.244.0.7:3")
	appendLog(t, r.path, line[:100])
	r.want()
	appendLog(t, r.path, line[100:])
	r.write(4)
	r.want(3, 4)
}

func TestPodLogIsRotatedByKubelet(t *testing.T) {
	r := newReading(t)
	r.write(1)
	r.want(1)
	r.write(2)
	r.do(os.Rename(r.path, r.path+".20261009-100501"))
	r.write(3)
	r.want(2, 3)
}

func TestPodLogOfAContainerThatWasRestarted(t *testing.T) {
	r := newReading(t)
	r.write(1)
	r.want(1)
	r.write(2)
	for n, port := range []int{3, 4} {
		r.path = filepath.Join(filepath.Dir(r.path), fmt.Sprint(9+n, ".log")) // 10 comes after 9
		r.write(port)
	}
	r.want(2, 4)
}

func TestPodLogOfAPodThatWasMadeAnew(t *testing.T) {
	r := newReading(t)
	r.write(1)
	r.want(1)
	r.path = strings.Replace(r.path, "0f6cbb1e", "ffffffff", 1)
	r.do(os.MkdirAll(filepath.Dir(r.path), 0o700))
	r.write(2)
	r.do(os.Chtimes(r.path, refusedAt.AddDate(10, 0, 0), refusedAt.AddDate(10, 0, 0)))
	r.want(2)
}

func TestPodLogIsTruncated(t *testing.T) {
	r := newReading(t)
	r.write(1, 2)
	r.want(1, 2)
	r.do(os.Truncate(r.path, 0))
	r.write(3)
	r.want(3)
}

func TestPodLogOfAnotherPodIsLeftAlone(t *testing.T) {
	r := newReading(t)
	r.do(os.RemoveAll(filepath.Dir(filepath.Dir(r.path))))
	for _, dir := range []string{"shop_web-10_uid", "shop_web-1", "shop_web-1_x_y", "xshop_web-1_uid", "shop_web-1.a_uid"} {
		r.path = filepath.Join(r.log.logs.dir, dir, "istio-proxy", "0.log")
		r.do(os.MkdirAll(filepath.Dir(r.path), 0o700))
		r.write(1)
	}
	r.want()
	if r.said.Len() > 0 {
		t.Errorf("said %s", r.said)
	}
}

func TestPodLogSkipsWhatIsTooMuch(t *testing.T) {
	r := newReading(t)
	r.write(1)
	r.want(1)
	r.write(2)
	appendLog(t, r.path, strings.Repeat(healthyLine, 2*podLogStep/len(healthyLine)))
	r.write(3)
	r.want(3)
	if n := r.log.logs.counts.skipped.Load(); n < podLogStep {
		t.Errorf("%d bytes skipped", n)
	}
	if n := r.log.logs.counts.read.Load(); n > 2*podLogTail {
		t.Errorf("%d bytes read", n)
	}
}

func TestPodLogSkipsALineWithoutEnd(t *testing.T) {
	r := newReading(t)
	r.write(1)
	r.want(1)
	appendLog(t, r.path, strings.Repeat("x", 3*podLogTail))
	r.want()
	appendLog(t, r.path, strings.Repeat("x", 100), accessLine("10.244.0.7:2"), accessLine("10.244.0.7:3"))
	r.want(3) // 2 is a part of the line
}

// TestPodLogForgetsAHalfLineWhereItSkips would otherwise join the parts of two lines that a runtime has split.
func TestPodLogForgetsAHalfLineWhereItSkips(t *testing.T) {
	r := newReading(t)
	line := accessLine("10.244.0.7:2")
	half := strings.Replace(line, " stdout F ", " stdout P ", 1)[:300]
	appendLog(t, r.path, half+"\n")
	r.want()
	other := strings.Replace(healthyLine, " stdout F ", " stderr F ", 1)
	appendLog(t, r.path, strings.Repeat(other, 2*podLogStep/len(other)), accessLine("10.244.0.7:3"))
	r.want(3)
}

// TestPodLogBeginsWithAWholeLine would otherwise take the end of a line, which may be anything, for a line.
func TestPodLogBeginsWithAWholeLine(t *testing.T) {
	r := newReading(t)
	rest := accessLine("10.244.0.7:1") + accessLine("10.244.0.7:2")
	rest += strings.Repeat("\n", podLogTail-len(rest))
	appendLog(t, r.path, "what somebody has asked for: ", rest) // the last 64 KiB begin in the middle of the first line
	r.want(2)
}

func TestPodLogIsNoWayToOtherFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.log")
	appendLog(t, secret, accessLine("10.244.0.7:1"))
	tests := []struct {
		name string
		make func(r *reading) error
	}{
		{"a link out of the directory", func(r *reading) error { return os.Symlink(secret, r.path) }},
		{"a link upwards", func(r *reading) error { return os.Symlink("../../../secret.log", r.path) }},
		{"a directory that is a link", func(r *reading) error {
			dir := filepath.Dir(r.path)
			if err := os.Remove(dir); err != nil {
				return err
			}
			appendLog(t, filepath.Join(filepath.Dir(secret), "0.log"), accessLine("10.244.0.7:1"))
			return os.Symlink(filepath.Dir(secret), dir)
		}},
		{"a pipe", func(r *reading) error { return syscall.Mkfifo(r.path, 0o600) }},
		{"a directory", func(r *reading) error { return os.Mkdir(r.path, 0o700) }},
		{"a device", func(r *reading) error { return os.Symlink("/dev/zero", r.path) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReading(t)
			r.do(tt.make(r))
			r.want()
			r.want()
			if text := r.said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "pod=shop/web-1") {
				t.Errorf("said:\n%s", text)
			}
			if n := r.log.logs.counts.unreadable.Load(); n != 2 {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

func TestPodLogMayBeALinkWithinTheDirectory(t *testing.T) {
	r := newReading(t)
	kept := filepath.Join(filepath.Dir(r.path), "current")
	r.do(os.Symlink("current", r.path))
	appendLog(t, kept, accessLine("10.244.0.7:1"))
	r.want(1)
}

// TestPodLogOfHostileBytes tells nothing, and ends.
func TestPodLogOfHostileBytes(t *testing.T) {
	for _, text := range []string{"\x00", "\n", "\xff\xfe\n", "2026-10-09T10:05:00.130000001Z stdout P ", `{"log":"`, "\x1b]0;x\x07\n"} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			r := newReading(t)
			appendLog(t, r.path, strings.Repeat(text, 20_000), "\n")
			r.want()
			r.write(1)
			r.want(1)
		})
	}
}
