package library

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Reasons of BoringSSL (include/openssl/ssl.h) for errors of ERR_LIB_SSL, which is 16.
const (
	boringLibSSL            = 16
	boringVerifyFailed      = 125  // SSL_R_CERTIFICATE_VERIFY_FAILED
	boringHTTPRequest       = 156  // SSL_R_HTTP_REQUEST
	boringNoPeerCertificate = 192  // SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
	boringProtocol          = 240  // SSL_R_UNSUPPORTED_PROTOCOL
	boringAlertVersion      = 1070 // SSL_R_TLSV1_ALERT_PROTOCOL_VERSION
)

// boringErrors records the errors that BoringSSL in one file raises, in whatever process.
type boringErrors struct{ events *ringbuf.Reader }

// boringError is what ERR_put_error is called with.
type boringError struct{ library, reason uint32 }

func probeBoringErrors(t *testing.T, path string) boringErrors {
	t.Helper()
	return probeBoring(t, path, ProbePutError)
}

func probeBoring(t *testing.T, path string, probe Probe) boringErrors {
	t.Helper()
	found, err := findBoringSSL(openImage(t, path))
	if err != nil || found == nil || len(found.offsets(probe)) != 1 {
		t.Fatalf("findBoringSSL(%s): %+v, %v, want %s", path, found, err, probe)
	}
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 1 << 16})
	if err != nil {
		unavailable(t, "cannot use BPF here: %v", err)
	}
	t.Cleanup(func() { events.Close() })
	program, err := ebpf.NewProgram(recorder(events, 0, Layout{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	file, err := link.OpenExecutable(path)
	if err != nil {
		t.Fatal(err)
	}
	up, err := file.Uprobe("", program, &link.UprobeOptions{Address: found.offsets(probe)[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { up.Close() })
	reader, err := ringbuf.NewReader(events)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return boringErrors{reader}
}

// raised empties the ring and returns what was raised, in its order.
func (b boringErrors) raised(t *testing.T) []boringError {
	t.Helper()
	var all []boringError
	for {
		b.events.SetDeadline(time.Now())
		record, err := b.events.Read()
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
		all = append(all, boringError{uint32(h.Args[0]), uint32(h.Args[2])})
	}
}

// want checks the reasons of the SSL errors. Errors of other parts come by the dozen while certificates are loaded, and two
// for each certificate with a key on P-256 that is parsed: it is tried against other curves first (15, 123: EC_R_UNKNOWN_GROUP).
func (b boringErrors) want(t *testing.T, want ...uint32) {
	t.Helper()
	var got []uint32
	for _, e := range b.raised(t) {
		if e.library == boringLibSSL {
			got = append(got, e.reason)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("SSL errors %v, want %v", got, want)
	}
}

// serveTLS answers each connection with a handshake, and with an HTTP response if it succeeds.
func serveTLS(t *testing.T, config *tls.Config) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return l.Addr().String()
}

func answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if n, _ := c.Read(make([]byte, 4096)); n > 0 { // fails where the handshake does
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"))
	}
}

func serverConfig(t *testing.T, dir, name string) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

// runBoring runs a program to its end, or for some seconds.
func runBoring(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
	out, err := cmd.CombinedOutput() // it fails where the handshake does
	t.Logf("%s: %v: %.400s", filepath.Base(program), err, out)
}

func boringNeedsAMD64(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the programs that are run here are for amd64")
	}
}

// The shared library's probe, by its symbol: it fires when a certificate is refused and not in a healthy handshake.
func TestBoringSSLSharedFires(t *testing.T) {
	boringNeedsAMD64(t)
	tool, err := exec.LookPath("bssl-tool")
	if err != nil {
		unavailable(t, "no bssl-tool (Debian's android-boringssl): %v", err)
	}
	b := probeBoringErrors(t, androidFile(t, "libcrypto.so.0"))
	dir := certificates(t)
	for _, test := range []struct {
		name, server, root string
		want               []uint32
	}{
		{"healthy", "fresh", "fresh.pem", nil},
		{"expired", "expired", "expired.pem", []uint32{boringVerifyFailed}},
		{"unknown CA", "fresh", "expired.pem", []uint32{boringVerifyFailed}},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serveTLS(t, serverConfig(t, dir, test.server))
			runBoring(t, dir, tool, "client", "-connect", addr, "-server-name", "localhost", "-root-certs", test.root)
			b.want(t, test.want...)
		})
	}
}

// The static and stripped library's probe, by its calls. Bun judges a server's certificate itself, after a handshake in which
// its library accepts any: no SSL error is raised then.
func TestBoringSSLStrippedFires(t *testing.T) {
	boringNeedsAMD64(t)
	bun := npmFile(t, bunAMD64)
	b := probeBoringErrors(t, bun)
	dir := certificates(t)
	old := serverConfig(t, dir, "fresh")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	for _, test := range []struct {
		name   string
		server *tls.Config
		want   []uint32
	}{
		{"healthy", serverConfig(t, dir, "fresh"), nil},
		{"refused outside the library", serverConfig(t, dir, "expired"), nil},
		{"the server's alert", old, []uint32{boringAlertVersion}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, port, _ := net.SplitHostPort(serveTLS(t, test.server))
			runBoring(t, dir, bun, "-e", `await fetch("https://localhost:`+port+`/", {tls: {ca: await Bun.file("fresh.pem").text()}})`)
			b.want(t, test.want...)
		})
	}
}

// Bun as a server that requires client certificates.
func TestBoringSSLStrippedFiresInServer(t *testing.T) {
	boringNeedsAMD64(t)
	curl, err := exec.LookPath("curl")
	if err != nil {
		unavailable(t, "no curl: %v", err)
	}
	bun := npmFile(t, bunAMD64)
	b := probeBoringErrors(t, bun)
	dir := certificates(t)
	addr := serveBun(t, bun, dir)
	withCert := []string{"-sk", "--cert", "fresh.pem", "--key", "fresh.key", "https://" + addr}
	for _, test := range []struct {
		name string
		args []string
		want []uint32
	}{
		{"healthy", withCert, nil},
		{"healthy, TLS 1.2", append(withCert, "--tls-max", "1.2"), nil},
		{"no client certificate", []string{"-sk", "https://" + addr}, []uint32{boringNoPeerCertificate}},
		{"plaintext", []string{"-s", "http://" + addr}, []uint32{boringHTTPRequest}},
		{"version", []string{"-sk", "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "https://" + addr}, []uint32{boringProtocol}},
	} {
		t.Run(test.name, func(t *testing.T) {
			runBoring(t, dir, curl, test.args...)
			time.Sleep(100 * time.Millisecond) // until the server has read the client's last words
			b.want(t, test.want...)
		})
	}
}

// serveBun starts a server that ends with the test, and returns its address.
func serveBun(t *testing.T, bun, dir string) (addr string) {
	t.Helper()
	return serveBunWith(t, bun, dir, `, ca: Bun.file("fresh.pem"), requestCert: true, rejectUnauthorized: true`)
}

// serveBunPlain is serveBun for a server that asks for no certificate.
func serveBunPlain(t *testing.T, bun, dir string) (addr string) {
	t.Helper()
	return serveBunWith(t, bun, dir, "")
}

func serveBunWith(t *testing.T, bun, dir, options string) (addr string) {
	t.Helper()
	addr = freeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	server := exec.CommandContext(t.Context(), bun, "-e", `Bun.serve({hostname: "127.0.0.1", port: `+port+`, tls: {
		key: Bun.file("fresh.key"), cert: Bun.file("fresh.pem")`+options+`,
	}, fetch() { return new Response("ok") }})`)
	server.Dir = dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // the context may have ended it
		_ = server.Wait()
	})
	for range 100 {
		if listening(addr) {
			return addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("Bun does not listen")
	return ""
}
