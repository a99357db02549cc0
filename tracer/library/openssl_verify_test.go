package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

// The calls in a stripped libssl are found where the code of libssl.a, whose relocations name what is called, is in it.
func TestVerifyCalls(t *testing.T) {
	for _, d := range suites {
		t.Run(d.String(), func(t *testing.T) {
			lib := d.file(t, "usr/lib/*/libssl.so.?*")
			got := target(t, lib, OpenSSL).offsets(ProbeVerifyCall)
			var want []uint64
			for _, function := range []string{"ssl_verify_cert_chain", "ssl_verify_internal", "ssl_verify_internal.part.0", "ssl_build_cert_chain"} {
				want = append(want, callsIn(t, lib, d.file(t, "usr/lib/*/libssl.a"), function)...)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(got) != 2 {
				t.Errorf("calls at %#x, want %#x", got, want)
			}
			for _, at := range got {
				expectCall(t, lib, at)
			}
		})
	}
}

// callsIn returns where in a library a function of an archive calls X509_STORE_CTX_get_error.
func callsIn(t *testing.T, lib, archive, function string) []uint64 {
	t.Helper()
	places := placesOf(t, lib, archive, function)
	if len(places) == 0 {
		return nil
	}
	var calls []uint64
	for _, member := range members(t, archive) {
		f, err := elf.NewFile(bytes.NewReader(member))
		if err != nil {
			continue // the archive's own index
		}
		symbols, _ := f.Symbols()
		i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == function && s.Section != elf.SHN_UNDEF })
		if i < 0 {
			continue
		}
		for _, at := range relocationsOf(t, f, symbols, symbols[i], verifyGetter) {
			calls = append(calls, places[0]+at)
		}
	}
	return calls
}

// relocationsOf returns the instructions in a function that the linker completes by the address of another, relative to its begin.
func relocationsOf(t *testing.T, f *elf.File, symbols []elf.Symbol, in elf.Symbol, name string) []uint64 {
	t.Helper()
	opcode := map[elf.Machine]uint64{elf.EM_X86_64: 1}[f.Machine] // bytes before what is completed
	var found []uint64
	for _, r := range f.Sections {
		if r.Type != elf.SHT_RELA || r.Info != uint32(in.Section) {
			continue
		}
		data, err := r.Data()
		if err != nil {
			t.Fatal(err)
		}
		for ; len(data) >= relocationSize; data = data[relocationSize:] {
			at, symbol := f.ByteOrder.Uint64(data), f.ByteOrder.Uint32(data[12:])
			if symbol > 0 && symbols[symbol-1].Name == name && in.Value <= at && at < in.Value+in.Size {
				found = append(found, at-in.Value-opcode)
			}
		}
	}
	return found
}

// expectCall makes sure that there is an instruction at an offset in a file that the kernel emulates.
func expectCall(t *testing.T, path string, at uint64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	code := file[at:]
	switch m := openImage(t, path).Machine(); m {
	case elf.EM_X86_64:
		if code[0] != 0xe8 && code[0] != 0xe9 {
			t.Errorf("at %#x: % x is neither CALL nor JMP rel32", at, code[:5])
		}
	case elf.EM_AARCH64:
		if code[3]&0x7c != 0x14 {
			t.Errorf("at %#x: % x is neither B nor BL", at, code[:4])
		}
	default:
		t.Errorf("machine %s", m)
	}
}

// asker has what libssl has of this: a call that is followed by more, behind instructions that not every decoder knows, and one at a function's
// end, which a compiler may make a jump.
const asker = `
struct store { int depth, error; };
int X509_STORE_CTX_get_error(struct store *ctx);
struct ssl { struct store *store; long verify_result; double weights[16]; };
int SSL_get_error(struct ssl *s, int ret) { s->verify_result = ret; return X509_STORE_CTX_get_error(s->store); }
void SSL_CONF_CTX_new(struct ssl *s, double by) {
	for (int i = 0; i < 16; i++) s->weights[i] *= by + i;
	s->verify_result = X509_STORE_CTX_get_error(s->store);
}
`

// Compilers and their options change how the call is made. Past the PLT it is none that the kernel emulates.
func TestVerifyCallsHoweverCompiled(t *testing.T) {
	builds := map[string]struct {
		compiler []string
		want     int
	}{
		"gcc":           {[]string{"gcc", "-O2"}, 2},
		"gcc, slow":     {[]string{"gcc", "-O0"}, 2},
		"gcc for size":  {[]string{"gcc", "-Os"}, 2},
		"gcc, no PLT":   {[]string{"gcc", "-O2", "-fno-plt"}, 0},
		"gcc, CET":      {[]string{"gcc", "-O2", "-fcf-protection", "-Wl,-z,ibtplt"}, 2},
		"gcc, AVX2":     {[]string{"gcc", "-O3", "-mavx2"}, 2},
		"gcc, BIND_NOW": {[]string{"gcc", "-O2", "-Wl,-z,now", "-Wl,-z,relro"}, 2},
		"no frames":     {[]string{"gcc", "-O2", "-fno-asynchronous-unwind-tables"}, 0},
		"clang":         {[]string{"clang-16", "-O2"}, 2},
		"clang, no PLT": {[]string{"clang-16", "-O2", "-fno-plt"}, 0},
		"arm64":         {[]string{"aarch64-linux-gnu-gcc", "-O2"}, 2},
		"arm64, slow":   {[]string{"aarch64-linux-gnu-gcc", "-O0"}, 2},
		"arm64, no PLT": {[]string{"aarch64-linux-gnu-gcc", "-O2", "-fno-plt"}, 0},
		"arm64, BTI":    {[]string{"aarch64-linux-gnu-gcc", "-O2", "-mbranch-protection=standard", "-Wl,-z,force-bti"}, 2},
	}
	for name, build := range builds {
		t.Run(name, func(t *testing.T) {
			path := compile(t, asker, build.compiler)
			strip(t, build.compiler[0], path)
			calls := target(t, path, OpenSSL).offsets(ProbeVerifyCall)
			if len(calls) != build.want {
				t.Errorf("calls at %#x, want %d", calls, build.want)
			}
			for _, at := range calls {
				expectCall(t, path, at)
			}
		})
	}
}

// A libcrypto with the function in it is left to the stand-in: there, programs of their own call it, too.
func TestVerifyCallsOfAStaticBuild(t *testing.T) {
	found := target(t, compile(t, asker+`
		void OPENSSL_LH_new(void) {}
		int X509_STORE_CTX_get_error(struct store *ctx) { return ctx->error; }
		int X509_STORE_CTX_get_error_depth(struct store *ctx) { return ctx->depth; }`, []string{"gcc", "-O2"}), OpenSSL)
	if calls, entry := found.offsets(ProbeVerifyCall), found.offsets(ProbeVerifyResult); len(calls) != 0 || len(entry) != 1 {
		t.Errorf("calls at %#x, the function at %#x: want only that", calls, entry)
	}
}

func TestEndsInCall(t *testing.T) {
	const call, jump = "\xe8\x01\x02\x03\x04", "\xe9\x01\x02\x03\x04"
	tests := []struct {
		name string
		code string
		want bool
	}{
		{"call", call, true},
		{"jump", jump, true},
		{"call of the next", "\xe8\x00\x00\x00\x00", true},
		{"MOV RDI, RBX; call", "\x48\x89\xdf" + call, true},
		{"ENDBR64; PUSH RBX; call", "\xf3\x0f\x1e\xfa\x53" + call, true},
		{"VZEROUPPER; call", "\xc5\xf8\x77" + call, true},
		{"call; call", call + call, true},
		{"in the middle of MOV EAX, imm32", "\xb8\x01" + call[:3] + "\x90\x90", false},
		{"as the operand of MOV RAX, imm64", "\x48\xb8\x01\x02\x03" + call, false},
		{"as the displacement of LEA", "\x48\x8d\x3d\x00\x00" + call, false},
		{"BND call", "\xf2" + call, false},
		{"call through a register", "\x90\x90\x90\xff\xd0", false},
		{"call past the PLT", "\xff\x15\x01\x02\x03\x04", false},
		{"short jump", "\x90\x90\x90\xeb\x10", false},
		{"what is unknown", "\x06" + call, false},
		{"cut off", call[:4], false},
		{"nothing", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := endsInCallAMD64([]byte(test.code)); got != test.want {
				t.Errorf("% x: %t", test.code, got)
			}
		})
	}
}

func TestIsCall(t *testing.T) {
	amd64 := "\x48\x89\xdf\xe8\xe8\x03\x04\x05\xc3\xff\x15\x01\x02\x03\x04\x90\x90"
	var arm64 []byte
	for _, instruction := range []uint32{0xaa1303e0, 0x97fff7a0, 0x17fff7a0, 0xd63f0020, 0xd65f03c0} { // MOV, BL, B, BLR X1, RET
		arm64 = binary.LittleEndian.AppendUint32(arm64, instruction)
	}
	tests := []struct {
		name    string
		machine elf.Machine
		code    string
		step    uint64
		calls   []uint64
	}{
		{"amd64", elf.EM_X86_64, amd64, 1, []uint64{3}},
		{"arm64", elf.EM_AARCH64, string(arm64), 4, []uint64{4, 8}},
		{"riscv64", elf.EM_RISCV, amd64, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := (&drawn{machine: test.machine, code: []byte(test.code)}).image(t)
			var got []uint64
			for at := uint64(0); at < uint64(len(test.code)); at += test.step {
				if img.isCall(codeAddr, codeAddr+at) {
					got = append(got, at)
				}
			}
			if !slices.Equal(got, test.calls) {
				t.Errorf("calls at %v, want %v", got, test.calls)
			}
		})
	}
}
