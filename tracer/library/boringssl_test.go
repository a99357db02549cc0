package library

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	bazelNames = "external/boringssl+/ssl/file*.cc"
	putErrorAt = codeAddr + 0x40 // where the function is in drawn files
	otherAt    = codeAddr + 0x80
)

// drawStripped makes a program in which BoringSSL's names are passed to a function that has no name.
func drawStripped(machine elf.Machine, write call, calls int) *drawn {
	d := &drawn{machine: machine, code: make([]byte, 0x100)}
	names := boringNames(d, bazelNames)
	for i := range calls {
		write(d, names[i%len(names)], putErrorAt)
	}
	return d
}

func TestBoringSSLStripped(t *testing.T) {
	tests := []struct {
		name    string
		machine elf.Machine
		write   call
	}{
		{"x86-64, position independent", elf.EM_X86_64, callPIE},
		{"x86-64, fixed addresses", elf.EM_X86_64, callStatic},
		{"arm64, adrp and add", elf.EM_AARCH64, callADRP},
		{"arm64, page in another register", elf.EM_AARCH64, callThrough(19)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantPutError(t, drawStripped(test.machine, test.write, 2*minVotes))
		})
	}
}

// ADR reaches 1 MB: the names are made to lie next to the code.
func TestBoringSSLStrippedADR(t *testing.T) {
	d := &drawn{machine: elf.EM_AARCH64, code: make([]byte, 0x100)}
	boringNames(d, bazelNames)
	for len(d.constants) < codeAddr-constantsAddr-0x1000 {
		d.constants = append(d.constants, make([]byte, 0x1000)...)
	}
	near := boringNames(d, "boringssl/ssl/near*.cc")
	for range minVotes {
		callADR(d, near[0], putErrorAt)
	}
	wantPutError(t, d)
}

func wantPutError(t *testing.T, d *drawn) {
	t.Helper()
	img := d.image(t)
	found, err := findBoringSSL(img)
	if err != nil || found == nil {
		t.Fatalf("findBoringSSL: %v, %v", found, err)
	}
	want, _ := img.Offset(putErrorAt)
	if found.Family != BoringSSL || !slices.Equal(found.Points, []Point{{ProbePutError, want}}) {
		t.Errorf("found %+v, want %s at %#x", found, ProbePutError, want)
	}
	if !strings.Contains(found.Note, "stripped") {
		t.Errorf("note %q does not say what a stripped file costs", found.Note)
	}
}

// The code of a large program is read in pieces: a call that lies across two counts, and counts once.
func TestBoringSSLCallsAcrossPieces(t *testing.T) {
	for _, test := range []struct {
		machine elf.Machine
		write   call
	}{
		{elf.EM_X86_64, callPIE}, {elf.EM_X86_64, callStatic}, {elf.EM_AARCH64, callADRP},
	} {
		d := &drawn{machine: test.machine, code: make([]byte, 0x100)}
		names := boringNames(d, bazelNames)
		calls := 0
		for ; len(d.code) < 3*chunkSize+100; calls++ {
			test.write(d, names[calls%len(names)], putErrorAt)
		}
		img := d.image(t)
		find, _ := errorCallsOf(test.machine)
		found, err := sourcesIn(img, "ssl")
		if err != nil {
			t.Fatal(err)
		}
		counted, err := countCalls(img, found, find)
		if got := counted[putErrorAt]; err != nil || got != calls {
			t.Errorf("%s: %d of %d calls counted, %v", test.machine, got, calls, err)
		}
	}
}

func TestBoringSSLRefusesToGuess(t *testing.T) {
	few := drawStripped(elf.EM_X86_64, callPIE, minVotes-1)
	split := drawStripped(elf.EM_X86_64, callPIE, 2*minVotes)
	names := boringNames(split, bazelNames)
	for range minVotes {
		callPIE(split, names[0], otherAt)
	}
	outside := drawStripped(elf.EM_X86_64, callPIE, 0)
	for range 2 * minVotes {
		callPIE(outside, constantsAddr+1, constantsAddr+0x10)
	}
	riscv := drawStripped(elf.EM_RISCV, callPIE, 2*minVotes)
	for name, d := range map[string]*drawn{
		"too few calls": few, "two functions": split, "calls of what is no code": outside, "unknown processor": riscv,
	} {
		t.Run(name, func(t *testing.T) {
			found, err := findBoringSSL(d.image(t))
			if err != nil || found == nil || found.Family != BoringSSL {
				t.Fatalf("findBoringSSL: %v, %v, want a target without points", found, err)
			}
			if len(found.Points) != 0 || !strings.Contains(found.Note, "nothing is seen") {
				t.Errorf("found %+v, want no points and a note", found)
			}
		})
	}
}

func TestBoringSSLIsNotThere(t *testing.T) {
	drawWith := func(pattern string) *drawn {
		d := &drawn{machine: elf.EM_X86_64, code: make([]byte, 0x100)}
		for _, name := range boringNames(d, pattern) {
			for range minVotes {
				callPIE(d, name, putErrorAt)
			}
		}
		return d
	}
	symbols := func(names ...string) *drawn {
		d := &drawn{machine: elf.EM_X86_64, code: make([]byte, 0x100), symbols: map[string]uint64{}}
		for i, name := range names {
			d.symbols[name] = codeAddr + uint64(i)*0x10
		}
		return d
	}
	imports := symbols()
	imports.symbols[boringSSLMark] = 0
	imports.symbols["SSL_get_error"] = 0
	openssl := drawWith(bazelNames)
	openssl.symbols = map[string]uint64{markLibcrypto: codeAddr}
	for name, d := range map[string]*drawn{
		"nothing at all":                    drawWith("hello*"),
		"OpenSSL's sources":                 drawWith("ssl/statem/statem*.c"),
		"only BoringSSL's crypto":           drawWith("external/boringssl+/crypto/evp*.cc"),
		"a folder that ends in ssl":         drawWith("src/viossl/vio*.cc"),
		"text that mentions a source":       drawWith("cannot read ssl/file*.cc"),
		"names longer than a path":          drawWith(strings.Repeat("x", maxSourceName) + "/ssl/file*.cc"),
		"OpenSSL 1.1.1 by its symbols":      symbols("ERR_put_error", "SSL_get_error", "X509_STORE_CTX_get_error"),
		"a program that imports BoringSSL":  imports,
		"names of both, symbols of OpenSSL": openssl,
	} {
		t.Run(name, func(t *testing.T) {
			if found, err := findBoringSSL(d.image(t)); found != nil || err != nil {
				t.Errorf("findBoringSSL: %+v, %v, want nil", found, err)
			}
		})
	}
}

func TestBoringSSLSymbols(t *testing.T) {
	getter := []byte{0x8b, 0x87, 0xb0, 0, 0, 0, 0xc3}
	depth := []byte{0x8b, 0x87, 0xac, 0, 0, 0, 0xc3}
	d := &drawn{machine: elf.EM_X86_64, code: make([]byte, 0x100), symbols: map[string]uint64{
		boringCryptoMark: codeAddr, "ERR_put_error": putErrorAt, "SSL_get_error": otherAt,
		"X509_STORE_CTX_get_error": codeAddr + 0x10, "X509_STORE_CTX_get_error_depth": codeAddr + 0x20,
	}}
	copy(d.code[0x10:], getter)
	copy(d.code[0x20:], depth)
	img := d.image(t)
	at := func(addr uint64) uint64 { offset, _ := img.Offset(addr); return offset }
	found, err := findBoringSSL(img)
	want := []Point{{ProbePutError, at(putErrorAt)}, {ProbeGetError, at(otherAt)}, {ProbeVerifyResult, at(codeAddr + 0x10)}}
	if err != nil || found == nil || !slices.Equal(found.Points, want) {
		t.Fatalf("findBoringSSL: %+v, %v, want %+v", found, err, want)
	}
	if (found.Layout != Layout{VerifyError: 0xb0, VerifyDepth: 0xac}) || found.Note != "" {
		t.Errorf("found %+v, want the layout and no note", found)
	}

	copy(d.code[0x10:], []byte{0x31, 0xc0, 0xc3, 0x90})
	found, err = findBoringSSL(d.image(t))
	if err != nil || found == nil || !slices.Equal(found.Points, want[:2]) || found.Note == "" {
		t.Errorf("with another getter: %+v, %v, want %+v and a note", found, err, want[:2])
	}
}

// A file that ends before its segments do is an error or nothing, and never more than what was read.
func TestBoringSSLTruncated(t *testing.T) {
	whole := drawStripped(elf.EM_X86_64, callPIE, 2*minVotes).bytes(t)
	for size := len(whole); size > 0; size -= 61 {
		img, err := OpenImage(bytes.NewReader(whole[:size]), int64(len(whole)))
		if err != nil {
			continue
		}
		if found, err := findBoringSSL(img); err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, io.EOF) {
			t.Errorf("%d of %d bytes: %+v, %v", size, len(whole), found, err)
		}
	}
}

func FuzzBoringSSL(f *testing.F) {
	f.Add(drawStripped(elf.EM_X86_64, callPIE, minVotes).bytes(f))
	f.Add(drawStripped(elf.EM_X86_64, callStatic, minVotes).bytes(f))
	f.Add(drawStripped(elf.EM_AARCH64, callADRP, minVotes).bytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := OpenImage(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		found, err := findBoringSSL(img)
		if err != nil || found == nil {
			return
		}
		for _, p := range found.Points {
			if p.Offset >= uint64(len(b)) {
				t.Errorf("%s at %#x, past the end of %d bytes", p.Probe, p.Offset, len(b))
			}
		}
	})
}

// Whatever the code is, only names are loaded, and only as often as there are loads.
func FuzzErrorCalls(f *testing.F) {
	f.Add(drawStripped(elf.EM_X86_64, callPIE, 2).code, uint16(0x40))
	f.Add(drawStripped(elf.EM_X86_64, callStatic, 2).code, uint16(0x120))
	f.Add(drawStripped(elf.EM_AARCH64, callADRP, 2).code, uint16(0x120))
	d := &drawn{}
	boringNames(d, bazelNames)
	names := &sources{names: map[uint64]string{}}
	findSources(d.constants, constantsAddr, "ssl/", names)
	f.Fuzz(func(t *testing.T, code []byte, start uint16) {
		for _, find := range []errorCalls{errorCallsX86, errorCallsAArch64} {
			count := 0
			find(code, int(start)&^3, len(code), codeAddr, names, func(errorCall) { count++ })
			if count > len(code)/4 {
				t.Errorf("%d calls in %d bytes", count, len(code))
			}
		}
	})
}
