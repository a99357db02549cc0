package library

import (
	"bytes"
	"debug/elf"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The functions that libssl's strippers took the names from are found where the code of libssl.a, which has the names, is in
// the shared library.
func TestOpenSSLFindsStatemFatal(t *testing.T) {
	for _, d := range suites {
		t.Run(d.String(), func(t *testing.T) {
			probe := ProbeStatemFatal
			if d.version == "1.1.1" {
				probe = ProbeStatemFatal111
			}
			lib := d.file(t, "usr/lib/*/libssl.so.?*")
			archive := d.file(t, "usr/lib/*/libssl.a")
			found := target(t, lib, OpenSSL)
			if got, want := found.offsets(probe), placesOf(t, lib, archive, "ossl_statem_fatal"); !slices.Equal(got, want) || len(got) != 1 {
				t.Errorf("%s at %#x, want %#x", probe, got, want)
			}
			if got, want := found.offsets(ProbeRecordFatal), placesOf(t, lib, archive, "ossl_rlayer_fatal"); !slices.Equal(got, want) {
				t.Errorf("%s at %#x, want %#x", ProbeRecordFatal, got, want)
			}
		})
	}
}

func TestOpenSSLTargets(t *testing.T) {
	for _, d := range suites {
		t.Run(d.String(), func(t *testing.T) {
			ssl := target(t, d.file(t, "usr/lib/*/libssl.so.?*"), OpenSSL)
			if len(ssl.offsets(ProbeGetError)) != 1 || ssl.Note != "" {
				t.Errorf("libssl: %+v, want SSL_get_error and no note", ssl)
			}
			crypto := target(t, d.file(t, "usr/lib/*/libcrypto.so.?*"), OpenSSL)
			set, put := crypto.offsets(ProbeSetError), crypto.offsets(ProbePutError)
			if d.version == "1.1.1" {
				set, put = put, set
				set = append(set, set...)
			}
			if len(set) != 2 || len(put) != 0 || len(crypto.offsets(ProbeVerifyResult)) != 1 || crypto.Note != "" {
				t.Errorf("libcrypto: %+v", crypto)
			}
			if !strings.HasPrefix(crypto.Version, d.version) {
				t.Errorf("version %q, want %s", crypto.Version, d.version)
			}
			if crypto.Layout.VerifyError != crypto.Layout.VerifyDepth+4 { // struct x509_store_ctx_st: int error_depth; int error;
				t.Errorf("layout %+v: error does not follow error_depth", crypto.Layout)
			}
		})
	}
}

// placesOf returns the offsets in a library of the code of a function in an archive of object files; what the linker
// fills in (relocations) may differ.
func placesOf(t *testing.T, library, archive, function string) []uint64 {
	t.Helper()
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	code, fixed := objectCode(t, archive, function)
	var found []uint64
	for at := 0; len(code) > 0 && at+len(code) <= len(data); at++ {
		if sameCode(data[at:], code, fixed) {
			found = append(found, uint64(at))
		}
	}
	return found
}

func sameCode(data, code []byte, fixed []bool) bool {
	for i := range code {
		if fixed[i] && data[i] != code[i] {
			return false
		}
	}
	return true
}

// objectCode returns a function's code, and which of its bytes the linker does not touch.
func objectCode(t *testing.T, archive, function string) (code []byte, fixed []bool) {
	t.Helper()
	for _, member := range members(t, archive) {
		f, err := elf.NewFile(bytes.NewReader(member))
		if err != nil {
			continue // the archive's own index
		}
		symbols, _ := f.Symbols()
		for _, s := range symbols {
			if s.Name != function || s.Section == elf.SHN_UNDEF {
				continue
			}
			data, err := f.Sections[s.Section].Data()
			if err != nil {
				t.Fatal(err)
			}
			return data[s.Value : s.Value+s.Size], untouched(t, f, s)
		}
	}
	return nil, nil
}

func untouched(t *testing.T, f *elf.File, s elf.Symbol) []bool {
	t.Helper()
	fixed := slices.Repeat([]bool{true}, int(s.Size))
	for _, r := range f.Sections {
		if r.Type != elf.SHT_RELA || r.Info != uint32(s.Section) {
			continue
		}
		data, err := r.Data()
		if err != nil {
			t.Fatal(err)
		}
		for ; len(data) >= relocationSize; data = data[relocationSize:] {
			at := f.ByteOrder.Uint64(data)
			for i := at; i < at+4; i++ { // all relocations of code are of 4 bytes
				if s.Value <= i && i < s.Value+s.Size {
					fixed[i-s.Value] = false
				}
			}
		}
	}
	return fixed
}

// members reads an ar archive: 8 bytes of magic, then a header of 60 bytes with the size at 48 before each file.
func members(t *testing.T, archive string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for rest := data[8:]; len(rest) > 60; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rest[60:60+size])
		rest = rest[min(len(rest), 60+size+size&1):]
	}
	return all
}

func TestOpenSSLStatic(t *testing.T) {
	const node = "/usr/bin/node"
	info, err := os.Stat(node)
	if err != nil || info.Size() < 50<<20 {
		unavailable(t, "%s is not NodeSource's node with a static OpenSSL: %v", node, err)
	}
	found := target(t, node, OpenSSL)
	for probe, want := range map[Probe]int{ProbeStatemFatal: 1, ProbeSetError: 2, ProbeVerifyResult: 1, ProbeGetError: 1} {
		if got := len(found.offsets(probe)); got < want {
			t.Errorf("%s: %d points, want %d", probe, got, want)
		}
	}
	if found.Layout.VerifyError == 0 || found.Version == "" || found.Note != "" {
		t.Errorf("%+v: want a layout, a version and no note", found)
	}
}

func TestReturnedField(t *testing.T) {
	tests := []struct {
		name   string
		decode func([]byte) (uint32, bool)
		code   []byte
		want   uint32
		ok     bool
	}{
		{"amd64", returnedFieldAMD64, []byte{0x8b, 0x87, 0xb0, 0, 0, 0, 0xc3}, 0xb0, true},
		{"amd64 with ENDBR64", returnedFieldAMD64, []byte{0xf3, 0x0f, 0x1e, 0xfa, 0x8b, 0x87, 0xb8, 0, 0, 0, 0xc3}, 0xb8, true},
		{"amd64 with frame pointer", returnedFieldAMD64, []byte{0x55, 0x48, 0x89, 0xe5, 0x8b, 0x47, 0x40, 0x5d, 0xc3}, 0x40, true},
		{"amd64 negative", returnedFieldAMD64, []byte{0x8b, 0x47, 0xf0, 0xc3}, 0, false},
		{"amd64 absurd", returnedFieldAMD64, []byte{0x8b, 0x87, 0, 0, 0, 1, 0xc3}, 0, false},
		{"amd64 something else", returnedFieldAMD64, []byte{0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90}, 0, false},
		{"amd64 cut off", returnedFieldAMD64, []byte{0x8b, 0x87, 0xb0}, 0, false},
		{"arm64", returnedFieldARM64, []byte{0x00, 0xb0, 0x40, 0xb9, 0xc0, 0x03, 0x5f, 0xd6}, 0xb0, true},
		{"arm64 with BTI", returnedFieldARM64, []byte{0x5f, 0x24, 0x03, 0xd5, 0x00, 0xb8, 0x40, 0xb9}, 0xb8, true},
		{"arm64 something else", returnedFieldARM64, []byte{0xc0, 0x03, 0x5f, 0xd6}, 0, false},
		{"arm64 cut off", returnedFieldARM64, []byte{0x00, 0xb0}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := test.decode(test.code)
			if ok != test.ok || ok && got != test.want {
				t.Errorf("%#x, %t, want %#x, %t", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestOpenSSLVersionText(t *testing.T) {
	tests := map[string]string{
		"OpenSSL 1.1.1w  11 Sep 2023":     "1.1.1w",
		"OpenSSL 3.0.19 27 Jan 2026":      "3.0.19",
		"OpenSSL 3.0.15+quic 3 Sep 2024":  "3.0.15+quic",
		"OpenSSL 3.6.0-beta1 16 Sep 2025": "3.6.0-beta1",
		"enable OpenSSL 3.0 legacy":       "",
		"OpenSSL 1.1.1":                   "",
	}
	for text, want := range tests {
		got := ""
		if m := opensslText.FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q: version %q, want %q", text, got, want)
		}
	}
}

func TestFourNamedArguments(t *testing.T) {
	tests := []struct {
		name string
		code []byte
		want bool
	}{
		{"gcc", []byte{0xc7, 0x04, 0x24, 0x20, 0, 0, 0}, true},
		{"gcc, frame pointer", []byte{0xc7, 0x85, 0x20, 0xff, 0xff, 0xff, 0x20, 0, 0, 0, 0x90}, true},
		{"clang", []byte{0x48, 0xb8, 0x20, 0, 0, 0, 0x30, 0, 0, 0}, true},
		{"six named", []byte{0xc7, 0x04, 0x24, 0x30, 0, 0, 0, 0xc7, 0x44, 0x24, 0x04, 0x30, 0, 0, 0}, false},
		{"a distance", []byte{0x48, 0x8d, 0x84, 0x24, 0x20, 0, 0, 0, 0x90, 0x90, 0x90, 0x90}, false},
		{"nothing", nil, false},
	}
	for _, test := range tests {
		if got := fourNamedAMD64(test.code); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}
