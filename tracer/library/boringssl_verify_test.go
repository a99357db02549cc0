package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// verification has what BoringSSL has of this: ssl_crypto_x509_session_verify_cert_chain and what it calls.
const verification = `
#define apart __attribute__((noinline))
struct ctx { char param[0x30]; int (*verify_cb)(int, struct ctx *); char chain[12]; int error; };
struct config { char head[0x10]; void *param; char mode; };
struct ssl { char flags[0xa4]; unsigned char server; };
struct method { char head[0xd0]; int (*verify)(struct ctx *, void *); void *arg; };
struct hs { struct ssl *ssl; struct config *config; struct method *method; int (*callback)(int, struct ctx *); };
struct session { void *chain; char head[0xa8]; long verify_result; };
int errors;
apart void ERR_put_error(int lib, int unused, int reason, const char *file, unsigned line) { errors += lib + reason + line + file[0]; __asm__ volatile(""); }
apart void ERR_clear_error(void) { errors = 0; __asm__ volatile(""); }
apart int X509_verify_cert(struct ctx *c) {
	if (!c->verify_cb) { ERR_put_error(11, 0, 122, "vendor/boringssl/crypto/x509/x509_vfy.cc", 1055); c->error = 65; return 0; }
	__asm__ volatile("" ::: "memory");
	return c->verify_cb(1, c);
}
apart int X509_STORE_CTX_init(struct ctx *c, void *chain) { c->error = 0; __asm__ volatile("" ::: "memory"); return chain != 0; }
apart int X509_STORE_CTX_set_default(struct ctx *c, const char *name) { __asm__ volatile("" ::: "memory"); return name[c->error]; }
apart int X509_VERIFY_PARAM_set1(void *to, void *from) { __asm__ volatile("" ::: "memory"); return to != from; }
apart void X509_STORE_CTX_free(struct ctx *c) { c->error = 0; __asm__ volatile("" ::: "memory"); }
apart int SSL_alert_from_verify_result(long result) { __asm__ volatile("" ::: "memory"); return result == 10 ? 45 : 42; }
apart int chain(struct session *session, struct hs *hs, unsigned char *alert, struct ctx *c) {
	int ret, ok = 0;
	*alert = 80;
	if (!session->chain) return 0;
	if (!X509_STORE_CTX_init(c, session->chain) ||
	    !X509_STORE_CTX_set_default(c, hs->ssl->server & 1 ? "ssl_client" : "ssl_server") ||
	    !X509_VERIFY_PARAM_set1(c->param, hs->config->param)) {
		ERR_put_error(16, 0, 11, "vendor/boringssl/ssl/ssl_x509.cc", 243);
		return 0;
	}
	if (hs->callback) c->verify_cb = hs->callback;
	if (hs->method->verify) ret = hs->method->verify(c, hs->method->arg);
	else ret = X509_verify_cert(c);
	session->verify_result = c->error;
	if (ret <= 0 && hs->config->mode) *alert = SSL_alert_from_verify_result(session->verify_result);
	else { ERR_clear_error(); ok = 1; }
	X509_STORE_CTX_free(c);
	return ok;
}
apart int behind(void) { return errors; }
int _start(void) { return chain(0, 0, 0, 0) + behind(); }
`

func compileVerification(t *testing.T, compiler ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(compiler[0]); err != nil {
		t.Skip("no compiler: ", err)
	}
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), compiler[0], append(compiler[1:], "-nostdlib", "-w", "-x", "c", "-", "-o", path)...)
	cmd.Stdin = strings.NewReader(verification)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", compiler, err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func openBytes(t *testing.T, file []byte) *Image {
	t.Helper()
	img, err := OpenImage(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// resultsIn finds the places in an image, from the error calls on.
func resultsIn(t *testing.T, img *Image) []uint64 {
	t.Helper()
	names, err := sourcesIn(img, "ssl")
	if err != nil {
		t.Fatal(err)
	}
	calls, _ := errorCallsOf(img.Machine())
	var near []uint64
	if _, err := countCalls(img, names, calls.noting(verifySource, &near)); err != nil {
		t.Fatal(err)
	}
	places, err := verifyResults(img, near)
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// The place is the one right behind the instruction that extends the result into the register of a first argument. Clang, which
// BoringSSL's programs are compiled with, has it there; GCC puts the call elsewhere, and then there is none.
func TestBoringSSLVerifyHoweverCompiled(t *testing.T) {
	builds := map[string]struct {
		compiler []string
		refused  bool
	}{
		"clang":                {compiler: []string{"clang-16", "-O2", "-static", "-no-pie", "-fno-pic"}},
		"clang, PIE":           {compiler: []string{"clang-16", "-O2", "-static-pie", "-fPIE"}},
		"clang, frame":         {compiler: []string{"clang-16", "-O3", "-static", "-fno-pic", "-fno-omit-frame-pointer"}},
		"clang, for size":      {compiler: []string{"clang-16", "-Os", "-static-pie", "-fPIE"}},
		"clang, arm64":         {compiler: []string{"clang-16", "--target=aarch64-linux-gnu", "-O2", "-static", "-no-pie", "-fno-pic"}},
		"clang, arm64, PIE":    {compiler: []string{"clang-16", "--target=aarch64-linux-gnu", "-O2", "-static-pie", "-fPIE"}},
		"clang, not optimised": {compiler: []string{"clang-16", "-O0", "-static", "-no-pie", "-fno-pic"}, refused: true},
		"gcc, cold call":       {compiler: []string{"gcc", "-O2", "-static", "-no-pie", "-fno-pic"}, refused: true},
		"gcc, arm64":           {compiler: []string{"aarch64-linux-gnu-gcc", "-O2", "-static", "-no-pie", "-fno-pic"}, refused: true},
	}
	for name, build := range builds {
		t.Run(name, func(t *testing.T) {
			img := openBytes(t, compileVerification(t, build.compiler...))
			places := resultsIn(t, img)
			if build.refused {
				if len(places) != 0 {
					t.Errorf("places %#x, want none", places)
				}
				return
			}
			if len(places) != 1 {
				t.Fatalf("places %#x, want one", places)
			}
			wantResultLoaded(t, img, places[0])
		})
	}
}

// wantResultLoaded checks that a place is in the function, behind the load of the result.
func wantResultLoaded(t *testing.T, img *Image, place uint64) {
	t.Helper()
	begin, _ := img.Symbol("chain")
	end, _ := img.Symbol("behind")
	if place <= begin || place >= end {
		t.Fatalf("%#x is not in the function, which is from %#x to %#x", place, begin, end)
	}
	before := img.Bytes(place-4, 4)
	switch img.Machine() {
	case elf.EM_X86_64: // movsxd rdi, [reg+0x44]
		if before[0]&0xfe != 0x48 || before[1] != 0x63 || before[2]>>3&7 != 7 || before[3] != 0x44 {
			t.Errorf("% x before %#x, want movsxd rdi, [reg+0x44]", before, place)
		}
	case elf.EM_AARCH64: // ldrsw x0, [reg, #0x44]
		if binary.LittleEndian.Uint32(before)&^0x3e0 != armLoadLong|0x44/4<<10 {
			t.Errorf("% x before %#x, want ldrsw x0, [reg, #0x44]", before, place)
		}
	}
}

// Where a part of the evidence is missing, nothing is attached.
func TestBoringSSLVerifyRefusesToGuess(t *testing.T) {
	file := compileVerification(t, "clang-16", "-O2", "-static", "-no-pie", "-fno-pic")
	if places := resultsIn(t, openBytes(t, file)); len(places) != 1 {
		t.Fatalf("places %#x, want one", places)
	}
	begin, _ := openBytes(t, file).Symbol("chain")
	end, _ := openBytes(t, file).Symbol("behind")
	offset, _ := openBytes(t, file).Offset(begin)
	function := file[offset : offset+end-begin]
	patched := func(old, replacement string) []byte {
		return slices.Concat(file[:offset], bytes.ReplaceAll(function, []byte(old), []byte(replacement)), file[offset+end-begin:])
	}
	for name, changed := range map[string][]byte{
		"another role":                  bytes.ReplaceAll(file, []byte("ssl_client\x00"), []byte("ssl_klient\x00")),
		"another verification":          bytes.ReplaceAll(file, []byte("x509_vfy.cc"), []byte("x509_vfx.cc")),
		"another file":                  bytes.ReplaceAll(file, []byte("ssl_x509.cc"), []byte("ssl_x510.cc")),
		"a test of other than the call": patched("\x85\xc0\x7e", "\x85\xc8\x7e"),
		"a branch on equality":          patched("\x85\xc0\x7e", "\x85\xc0\x74"),
	} {
		t.Run(name, func(t *testing.T) {
			if bytes.Equal(changed, file) {
				t.Fatal("nothing was changed")
			}
			if places := resultsIn(t, openBytes(t, changed)); len(places) != 0 {
				t.Errorf("places %#x, want none", places)
			}
		})
	}
}

// Code that is none: any bytes may follow a load of the names.
func FuzzBoringSSLVerify(f *testing.F) {
	f.Add([]byte{0x48, 0x89, 0xdf, 0xe8, 0, 0, 0, 0, 0x48, 0x63, 0x7b, 0x44})
	f.Add([]byte{0xe0, 3, 0x13, 0xaa, 0, 0, 0, 0x94, 0xe8, 3, 0, 0x2a, 0x60, 0x46, 0x80, 0xb9})
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, machine := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64} {
			d := &drawn{machine: machine, code: code, constants: []byte("\x00ssl_client\x00ssl_server\x00")}
			v := verifier{img: d.image(t), client: []uint64{constantsAddr + 1}, server: []uint64{constantsAddr + 12}}
			v.setUps(codeAddr, code)
			if place, ok := v.result(codeAddr, code); ok {
				t.Errorf("result at %#x, where no function names %s", place, verifyCertName)
			}
		}
	})
}

// Bun accepts every certificate in the handshake and judges it later: the result is seen once for each chain, by whoever verifies.
func TestBoringSSLVerifyStrippedFires(t *testing.T) {
	boringNeedsAMD64(t)
	bun := npmFile(t, bunAMD64)
	b := probeBoring(t, bun, ProbeVerifyCode)
	dir := certificates(t)
	for _, test := range []struct {
		name, server, root string
		want               []uint32
	}{
		{"healthy", "fresh", "fresh.pem", []uint32{0}},
		{"expired", "expired", "expired.pem", []uint32{10}},
		{"self-signed", "fresh", "expired.pem", []uint32{18}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, port, _ := net.SplitHostPort(serveTLS(t, serverConfig(t, dir, test.server)))
			runBoring(t, dir, bun, "-e", `await fetch("https://localhost:`+port+`/", {tls: {ca: await Bun.file("`+test.root+`").text()}})`)
			b.wantResults(t, test.want...)
		})
	}
}

// A server that asks for no certificate pays nothing, one that does a single hit.
func TestBoringSSLVerifyStrippedFiresInServer(t *testing.T) {
	boringNeedsAMD64(t)
	curl, err := exec.LookPath("curl")
	if err != nil {
		unavailable(t, "no curl: %v", err)
	}
	bun := npmFile(t, bunAMD64)
	b := probeBoring(t, bun, ProbeVerifyCode)
	dir := certificates(t)
	asks, plain := serveBun(t, bun, dir), serveBunPlain(t, bun, dir)
	for _, test := range []struct {
		name, addr, cert string
		want             []uint32
	}{
		{"nothing asked for", plain, "", nil},
		{"nothing asked for, offered", plain, "fresh", nil},
		{"none", asks, "", nil},
		{"healthy", asks, "fresh", []uint32{0}},
		{"expired", asks, "expired", []uint32{10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"-sk", "https://" + test.addr}
			if test.cert != "" {
				args = append(args, "--cert", test.cert+".pem", "--key", test.cert+".key")
			}
			runBoring(t, dir, curl, args...)
			time.Sleep(100 * time.Millisecond) // until the server has read the client's last words
			b.wantResults(t, test.want...)
		})
	}
}

// wantResults checks the first arguments of all hits.
func (b boringErrors) wantResults(t *testing.T, want ...uint32) {
	t.Helper()
	var got []uint32
	for _, h := range b.raised(t) {
		got = append(got, h.library)
	}
	if !slices.Equal(got, want) {
		t.Errorf("verify results %v, want %v", got, want)
	}
}
