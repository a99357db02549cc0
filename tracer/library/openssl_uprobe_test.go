package library

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// hit is one run of a probe: the integer arguments that it found, and the int at ctx+offset of the verify result.
type hit struct {
	Probe       uint64
	Args        [4]uint64
	Error       int32
	Depth       int32
	Placeholder uint64 // keeps the frame a multiple of 16
}

// raised is what a probe of an error says, in the family's terms.
type raised struct{ alert, reason int32 }

// The probes fire in the suite's own openssl with the arguments that their documentation gives them.
func TestOpenSSLProbesFire(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the libraries that are run here are for amd64")
	}
	for _, d := range suites {
		if d.arch != "amd64" {
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			p := attachProbes(t, d)
			dir := certificates(t)
			t.Run("healthy", func(t *testing.T) {
				p.handshake(t, dir, "fresh", nil, []string{"-CAfile", "fresh.pem", "-verify_return_error"})
				if got := p.raised(t); len(got) != 0 {
					t.Errorf("a healthy handshake raised %v", got)
				}
				p.wantVerified(t, 0)
			})
			t.Run("expired", func(t *testing.T) {
				p.handshake(t, dir, "expired", nil, []string{"-CAfile", "expired.pem", "-verify_return_error"})
				p.want(t, raised{45, 134}, raised{-1, 1045})
				p.wantVerified(t, x509HasExpired)
			})
			t.Run("no common version", func(t *testing.T) {
				p.handshake(t, dir, "fresh", []string{"-tls1_3"}, []string{"-tls1_2"})
				p.want(t, raised{70, 258}, raised{-1, 1070})
			})
			t.Run("plaintext", func(t *testing.T) {
				p.plaintext(t, dir)
				// From 3.2 on the record layer says so, and ossl_statem_fatal follows with reason 313.
				if got := p.raised(t); len(got) == 0 || got[0] != (raised{-1, 156}) {
					t.Errorf("raised %v, want {-1 156} first", got)
				}
			})
		})
	}
}

const x509HasExpired = 10 // X509_V_ERR_CERT_HAS_EXPIRED

// probed is an OpenSSL with probes on it.
type probed struct {
	d        debian
	rootDir  string
	events   *ringbuf.Reader
	probes   []Probe
	verified map[Probe][]int32 // by the last call of raised
}

func attachProbes(t *testing.T, d debian) *probed {
	t.Helper()
	p := &probed{d: d, rootDir: d.root(t)}
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 1 << 16})
	if err != nil {
		unavailable(t, "cannot use BPF here: %v", err)
	}
	t.Cleanup(func() { events.Close() })
	if p.events, err = ringbuf.NewReader(events); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.events.Close() })
	libcrypto := d.file(t, "usr/lib/*/libcrypto.so.?*")
	for _, path := range []string{d.file(t, "usr/lib/*/libssl.so.?*"), libcrypto} {
		p.attach(t, events, path, target(t, libcrypto, OpenSSL).Layout)
	}
	return p
}

func (p *probed) attach(t *testing.T, events *ebpf.Map, path string, layout Layout) {
	t.Helper()
	found := target(t, path, OpenSSL)
	file, err := link.OpenExecutable(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range found.Points {
		if !slices.Contains([]Probe{ProbeStatemFatal, ProbeRecordFatal, ProbeStatemFatal111, ProbeVerifyCall, ProbeVerifyResult}, point.Probe) {
			continue
		}
		program, err := ebpf.NewProgram(recorder(events, len(p.probes), layout))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { program.Close() })
		up, err := file.Uprobe("", program, &link.UprobeOptions{Address: point.Offset})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { up.Close() })
		p.probes = append(p.probes, point.Probe)
	}
}

// recorder sends a hit. Offsets in struct pt_regs: arch/x86/include/asm/ptrace.h.
func recorder(events *ebpf.Map, id int, layout Layout) *ebpf.ProgramSpec {
	const frame = 56
	at := func(offset int16) int16 { return offset - frame }
	code := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	for offset, value := range map[int16]int32{0: int32(id), 40: 0, 48: 0} {
		code = append(code, asm.Mov.Imm(asm.R1, value), asm.StoreMem(asm.RFP, at(offset), asm.R1, asm.DWord))
	}
	for i, register := range []int16{112, 104, 96, 88} { // di, si, dx, cx
		code = append(code,
			asm.LoadMem(asm.R1, asm.R6, register, asm.DWord),
			asm.StoreMem(asm.RFP, at(8+8*int16(i)), asm.R1, asm.DWord))
	}
	for slot, field := range map[int32]uint32{40: layout.VerifyError, 44: layout.VerifyDepth} {
		code = append(code,
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, slot-frame),
			asm.Mov.Imm(asm.R2, 4),
			asm.LoadMem(asm.R3, asm.R6, 112, asm.DWord), asm.Add.Imm(asm.R3, int32(field)),
			asm.FnProbeReadUser.Call())
	}
	code = append(code,
		asm.LoadMapPtr(asm.R1, events.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -frame),
		asm.Mov.Imm(asm.R3, frame), asm.Mov.Imm(asm.R4, 0),
		asm.FnRingbufOutput.Call(),
		asm.Mov.Imm(asm.R0, 0), asm.Return())
	return &ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "GPL", Instructions: code}
}

// raised empties the ring and returns what was raised, in its order.
func (p *probed) raised(t *testing.T) []raised {
	t.Helper()
	p.verified = map[Probe][]int32{}
	var all []raised
	for {
		p.events.SetDeadline(time.Now())
		record, err := p.events.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var h hit
		if err := binary.Read(bytes.NewReader(record.RawSample), binary.LittleEndian, &h); err != nil {
			t.Fatal(err)
		}
		switch probe := p.probes[h.Probe]; probe {
		case ProbeStatemFatal, ProbeRecordFatal:
			all = append(all, raised{int32(h.Args[1]), int32(h.Args[2])})
		case ProbeStatemFatal111:
			all = append(all, raised{int32(h.Args[1]), int32(h.Args[3])})
		case ProbeVerifyCall, ProbeVerifyResult:
			if h.Depth < 0 || h.Depth > 10 {
				t.Errorf("verify depth %d", h.Depth)
			}
			p.verified[probe] = append(p.verified[probe], h.Error)
		}
	}
}

// want checks that those were raised, by whichever end.
func (p *probed) want(t *testing.T, want ...raised) {
	t.Helper()
	got := p.raised(t)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("raised %v, want %v among them", got, w)
		}
	}
}

// wantVerified checks what the one verification was found to have come to. libssl asks once, at its end; of the function that it
// calls, s_client's own callback is also a user, for each certificate and before libssl.
func (p *probed) wantVerified(t *testing.T, want int32) {
	t.Helper()
	if got := p.verified[ProbeVerifyCall]; !slices.Equal(got, []int32{want}) {
		t.Errorf("verify results %v where libssl asks, want %d once", got, want)
	}
	if got := p.verified[ProbeVerifyResult]; len(got) < 2 || got[len(got)-1] != want {
		t.Errorf("verify results %v for all who ask, want more, and %d at last", got, want)
	}
}

// openssl is the suite's own program, with its own C library.
func (p *probed) openssl(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	libraries := filepath.Join(p.rootDir, "usr/lib/x86_64-linux-gnu")
	loader := filepath.Join(libraries, "ld-linux-x86-64.so.2")
	cmd := exec.CommandContext(t.Context(), loader, append([]string{"--library-path", libraries, filepath.Join(p.rootDir, "usr/bin/openssl")}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"OPENSSL_CONF=/dev/null", "HOME=" + dir}
	return cmd
}

// serve starts s_server and returns its address; stop ends it.
func (p *probed) serve(t *testing.T, dir, cert string, args ...string) (addr string, stop func()) {
	t.Helper()
	addr = freeAddress(t)
	server := p.openssl(t, dir, append([]string{"s_server", "-accept", addr, "-cert", cert + ".pem", "-key", cert + ".key", "-www"}, args...)...)
	var out bytes.Buffer
	server.Stdout, server.Stderr = &out, &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	}
	for range 100 {
		if listening(addr) {
			return addr, stop
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	t.Fatalf("s_server does not listen: %s", out.String())
	return "", nil
}

// listening looks in /proc/net/tcp for state 0A, since a connection would be a failed handshake.
func listening(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	var number int
	_, _ = fmt.Sscan(port, &number)
	table, _ := os.ReadFile("/proc/net/tcp")
	return bytes.Contains(table, fmt.Appendf(nil, "0100007F:%04X 00000000:0000 0A", number))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *probed) handshake(t *testing.T, dir, cert string, serverArgs, clientArgs []string) {
	t.Helper()
	addr, stop := p.serve(t, dir, cert, serverArgs...)
	defer stop()
	client := p.openssl(t, dir, append([]string{"s_client", "-connect", addr, "-servername", "localhost"}, clientArgs...)...)
	client.Stdin = bytes.NewReader([]byte("GET / HTTP/1.0\r\n\r\n"))
	out, _ := client.CombinedOutput()  // it fails where the handshake does
	time.Sleep(200 * time.Millisecond) // until the server has read the client's last words
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("s_client: %s", out[:min(len(out), 500)])
		}
	})
}

func (p *probed) plaintext(t *testing.T, dir string) {
	t.Helper()
	addr, stop := p.serve(t, dir, "fresh")
	defer stop()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = c.Read(make([]byte, 1)) // an alert, a close or nothing
}

// certificates makes self-signed ones in a directory: fresh and expired.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	now := time.Now()
	for name, end := range map[string]time.Time{"fresh": now.Add(24 * time.Hour), "expired": now.Add(-24 * time.Hour)} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
			NotBefore: now.Add(-48 * time.Hour), NotAfter: end,
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", cert)
		writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", private)
	}
	return dir
}

func writePEM(t *testing.T, path, kind string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
}
