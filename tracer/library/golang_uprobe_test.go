package library

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// goScenarios are what the program in testdata/golang does, and what the probes tell of it, sorted. Alert 42 is bad_certificate, 70
// protocol_version, 0 close_notify; version 0 is one not agreed upon. From Go 1.25 on a TLS 1.2 server without the certificate that it wants
// sends 40, handshake_failure.
var goScenarios = []struct {
	name  string
	want  []string
	since int // minor release; the last that fits counts
}{
	{"trusted", []string{"client returned", "client sent 0 in 0x304", "server returned", "server sent 0 in 0x304"}, 22},
	{"untrusted", []string{"client failed", "client sent 42 in 0x304", "server received 42"}, 22},
	{"untrusted12", []string{"client failed", "client sent 42 in 0x303", "server received 42"}, 22},
	{"anonymous", []string{"client received 42", "server failed", "server sent 42 in 0x303"}, 22},
	{"anonymous", []string{"client received 40", "server failed", "server sent 40 in 0x303"}, 25},
	{"version", []string{"client received 70", "server failed", "server sent 70 in 0x0"}, 22},
	{"closed", []string{"server failed"}, 22},
}

// The alerts that a program sends and those that it receives are seen with the connection, the side and the descriptor that they
// belong to; a handshake that succeeds or ends otherwise tells none.
func TestGoProbesFire(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the probes of this test read the registers of amd64")
	}
	for _, release := range goReleases {
		for _, b := range []goBuild{{release: release, strip: true}, {release: release, cgo: true, pie: true, strip: true}} {
			t.Run(b.String(), func(t *testing.T) {
				path := b.program(t)
				probes := probeGo(t, path)
				for name, want := range goExpected(probes.release) {
					if got := probes.run(t, path, name); !slices.Equal(got, want) {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
			})
		}
	}
}

// goExpected is what a release's program does.
func goExpected(release string) map[string][]string {
	minor, _ := goMinor(release)
	want := map[string][]string{}
	for _, s := range goScenarios {
		if minor >= s.since {
			want[s.name] = s.want
		}
	}
	return want
}

// The words of a record, which the comment of findGo names. One that could not be read is 0.
const (
	goAtReturn = iota
	goFirst
	goSecond
	goStack
	goConn
	goItab
	goHash
	goTCP
	goNetFD
	goDescriptor
	goIsClient
	goVersionNumber
	goOpError
	goText
	goLength
	goAlertData
	goAlertCode
	goTextStart
	goTextEnd
	goWords
)

type goRecord [goWords]uint64

type goProbes struct {
	events  *ringbuf.Reader
	layout  Layout
	release string
}

// probeGo attaches a recorder to all points of a program.
func probeGo(t *testing.T, path string) goProbes {
	t.Helper()
	found := goTarget(t, path)
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 1 << 16})
	if err != nil {
		unavailable(t, "cannot use BPF here: %v", err)
	}
	t.Cleanup(func() { events.Close() })
	file, err := link.OpenExecutable(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Points {
		if p.Probe == ProbeGoClientCert { // it keeps its receiver elsewhere
			continue
		}
		program, err := ebpf.NewProgram(goRecorder(events, p.Probe != ProbeGoAlert, found.Layout))
		if err != nil {
			t.Fatalf("%+v", err)
		}
		t.Cleanup(func() { program.Close() })
		up, err := file.Uprobe("", program, &link.UprobeOptions{Address: p.Offset})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { up.Close() })
	}
	reader, err := ringbuf.NewReader(events)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return goProbes{events: reader, layout: found.Layout, release: found.Version}
}

// goRecorder is a program that sends a goRecord. The registers' places are those of struct pt_regs on x86-64.
func goRecorder(events *ebpf.Map, atReturn bool, layout Layout) *ebpf.ProgramSpec {
	const rbx, rax, rsp = 40, 80, 152
	slot := func(word int) int16 { return int16(8 * (word - goWords)) }
	code := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R7, 0)}
	for word := range goWords {
		code = append(code, asm.StoreMem(asm.RFP, slot(word), asm.R7, asm.DWord))
	}
	for word, register := range map[int]int16{goFirst: rax, goSecond: rbx, goStack: rsp} {
		code = append(code, asm.LoadMem(asm.R1, asm.R6, register, asm.DWord), asm.StoreMem(asm.RFP, slot(word), asm.R1, asm.DWord))
	}
	follow := func(to, from int, offset uint32, size int32) {
		code = append(code,
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, int32(slot(to))),
			asm.Mov.Imm(asm.R2, size),
			asm.LoadMem(asm.R3, asm.RFP, slot(from), asm.DWord), asm.Add.Imm(asm.R3, int32(offset)),
			asm.FnProbeReadUser.Call())
	}
	if atReturn {
		code = append(code, asm.Mov.Imm(asm.R7, 1), asm.StoreMem(asm.RFP, slot(goAtReturn), asm.R7, asm.DWord))
		follow(goConn, goStack, layout.GoReceiver, 8)
		follow(goOpError, goSecond, 8, 8)
		follow(goText, goOpError, 0, 8)
		follow(goLength, goOpError, 8, 8)
		follow(goAlertData, goOpError, 72, 8)
		follow(goAlertCode, goAlertData, 0, 1)
		follow(goTextStart, goText, 0, 12)
	} else {
		code = append(code, asm.LoadMem(asm.R1, asm.RFP, slot(goFirst), asm.DWord), asm.StoreMem(asm.RFP, slot(goConn), asm.R1, asm.DWord))
	}
	follow(goItab, goConn, 0, 8)
	follow(goHash, goItab, 16, 4)
	follow(goTCP, goConn, 8, 8)
	follow(goNetFD, goTCP, 0, 8)
	follow(goDescriptor, goNetFD, layout.GoFD, 4)
	follow(goIsClient, goConn, layout.GoIsClient, 1)
	follow(goVersionNumber, goConn, layout.GoVersion, 2)
	code = append(code,
		asm.LoadMapPtr(asm.R1, events.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, int32(slot(0))),
		asm.Mov.Imm(asm.R3, 8*goWords), asm.Mov.Imm(asm.R4, 0),
		asm.FnRingbufOutput.Call(),
		asm.Mov.Imm(asm.R0, 0), asm.Return())
	return &ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "Dual BSD/GPL", Instructions: code}
}

// run runs the program and returns what the probes told, sorted.
func (p goProbes) run(t *testing.T, path, scenario string) []string {
	t.Helper()
	out, err := exec.Command(path, scenario).Output()
	if err != nil {
		t.Fatalf("%s: %v", scenario, err)
	}
	var client, server uint64
	if _, err := fmt.Sscan(string(out), &client, &server); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	var told []string
	for {
		p.events.SetDeadline(time.Now())
		record, err := p.events.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			slices.Sort(told)
			return told
		}
		if err != nil {
			t.Fatal(err)
		}
		var r goRecord
		if err := binary.Read(bytes.NewReader(record.RawSample), binary.LittleEndian, &r); err != nil {
			t.Fatal(err)
		}
		told = append(told, r.told(t, p.layout))
		if want := map[uint64]uint64{0: server, 1: client}[r[goIsClient]]; r[goDescriptor] != want || uint32(r[goHash]) != p.layout.GoTCPConn {
			t.Errorf("%s: descriptor %d, hash %#x, want %d, %#x", scenario, r[goDescriptor], r[goHash], want, p.layout.GoTCPConn)
		}
	}
}

// told says what a record tells.
func (r goRecord) told(t *testing.T, layout Layout) string {
	side := "server"
	if r[goIsClient] == 1 {
		side = "client"
	}
	if r[goAtReturn] == 0 {
		return fmt.Sprintf("%s sent %d in %#x", side, r[goSecond]&0xff, r[goVersionNumber])
	}
	if r[goFirst] == 0 {
		return side + " returned"
	}
	if r[goLength] != 12 {
		return side + " failed"
	}
	// What is not in memory cannot be read, and reads as 0; nothing else may be read than this.
	text := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, r[goTextStart]), r[goTextEnd])[:12]
	if r[goTextStart] != 0 && string(text) != "remote error" {
		t.Errorf("Op is %q of length 12", text)
	}
	alert := ((r[goAlertData] - layout.GoAlerts) & 0xfff) / 8
	if r[goAlertCode] != 0 && r[goAlertCode] != alert {
		t.Errorf("alert %d by its address, %d by reading it", alert, r[goAlertCode])
	}
	return fmt.Sprintf("%s received %d", side, alert)
}
