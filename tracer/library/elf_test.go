package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
)

var _ io.ReaderAt = (*Image)(nil)

// openImage opens a file for the length of a test.
func openImage(t testing.TB, path string) *Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	img, err := OpenImage(f, info.Size())
	if err != nil {
		t.Fatalf("OpenImage(%s): %v", path, err)
	}
	return img
}

// testExecutable is this test: an ELF file that is always there.
func testExecutable(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImageReadsByAddress(t *testing.T) {
	path := testExecutable(t)
	img := openImage(t, path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := img.Executable()[0]
	if got := img.Bytes(s.Addr, 64); !bytes.Equal(got, data[s.Offset:s.Offset+64]) {
		t.Error("Bytes differ from those in the file")
	}
	if offset, ok := img.Offset(s.Addr + 16); !ok || offset != s.Offset+16 {
		t.Errorf("Offset = %#x, %t, want %#x", offset, ok, s.Offset+16)
	}
	end := make([]byte, 32)
	if n, err := img.ReadAt(end, int64(s.Addr+s.Size-8)); n != 8 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt at the end of the segment: %d bytes, %v; want 8, io.EOF", n, err)
	}
	if img.Bytes(1, 8) != nil {
		t.Error("Bytes where nothing is mapped")
	}
	if _, ok := img.Offset(1); ok {
		t.Error("Offset where nothing is mapped")
	}
}

func TestWalkCoversEverythingOnce(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, chunkSize - 1, chunkSize, chunkSize + 8, 2*chunkSize + 3} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		for _, overlap := range []int{0, 5} {
			var got []byte
			err := walk(io.NewSectionReader(bytes.NewReader(data), 0, int64(size)), overlap, func(at int64, piece []byte) bool {
				shared := len(got) - int(at)
				if shared < 0 || shared > overlap || !bytes.Equal(got[at:], piece[:shared]) {
					t.Fatalf("size %d: piece at %d shares %d bytes with those before", size, at, shared)
				}
				got = append(got, piece[shared:]...)
				return true
			})
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("size %d, overlap %d: got %d bytes, %v", size, overlap, len(got), err)
			}
		}
	}
}

func TestSymbolsAreThoseOfPackageELF(t *testing.T) {
	img := openImage(t, suites[2].file(t, "usr/lib/*/libcrypto.so.?*"))
	symbols, err := img.File.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{}
	var names []string
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && s.Value != 0 && len(s.Name) <= maxName && want[s.Name] == 0 {
			want[s.Name] = s.Value
			names = append(names, s.Name)
		}
	}
	got := img.Symbols(append(names, "no_such_function", "")...)
	for _, name := range names {
		if got[name] != want[name] && !ambiguous(symbols, name) {
			t.Errorf("%s at %#x, want %#x", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d symbols, want %d", len(got), len(want))
	}
	if _, ok := img.Symbol("no_such_function"); ok {
		t.Error("found no_such_function")
	}
}

func ambiguous(symbols []elf.Symbol, name string) bool {
	n := 0
	for _, s := range symbols {
		if s.Name == name {
			n++
		}
	}
	return n > 1
}

func TestNameSetFindsTheEndOfALongerName(t *testing.T) {
	table := []byte("\x00my_SSL_get_error\x00SSL\x00")
	set := newNameSet([]string{"SSL_get_error", "SSL", "SSL_get"})
	for at, want := range map[int]string{4: "SSL_get_error", 18: "SSL", 1: "", 0: ""} {
		if got := set.find(table[at:]); got != want {
			t.Errorf("at %d: %q, want %q", at, got, want)
		}
	}
	if got := set.find([]byte("SSL_get_error")); got != "" {
		t.Errorf("a name without its end: %q", got)
	}
}

func TestSites(t *testing.T) {
	amd64 := []byte{
		0xe8, 0x0b, 0, 0, 0, // 0x1000 CALL 0x1010
		0xff, 0x15, 0xf5, 0x1f, 0, 0, // 0x1005 CALL [0x3000]
		0xe9, 0xf0, 0xff, 0xff, 0xff, // 0x100b JMP 0x1000
		0x90, 0x90,
	}
	arm64 := []byte{
		0x04, 0x00, 0x00, 0x94, // 0x1000 BL 0x1010
		0xff, 0xff, 0xff, 0x17, // 0x1004 B 0x1000
		0x10, 0x00, 0x00, 0xd0, // 0x1008 ADRP X16, 0x3000
		0x11, 0x0a, 0x40, 0xf9, // 0x100c LDR X17, [X16, #16]
	}
	arm64 = append(arm64, make([]byte, pairARM64)...)
	tests := []struct {
		name string
		scan func(uint64, []byte, func(site))
		code []byte
		want []site
	}{
		{"amd64", sitesAMD64, amd64, []site{{0x1000, 0x1010, false}, {0x1005, 0x3000, true}, {0x100b, 0x1000, false}}},
		{"arm64", sitesARM64, arm64, []site{{0x1000, 0x1010, false}, {0x1004, 0x1000, false}, {0x1008, 0x3010, true}}},
	}
	for _, test := range tests {
		var got []site
		test.scan(0x1000, test.code, func(s site) { got = append(got, s) })
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// ADRP reaches back as well: immhi and immlo together are signed.
func TestLoadedARM64ReachesBack(t *testing.T) {
	code := make([]byte, pairARM64)
	binary.LittleEndian.PutUint32(code, 0xf0fffff0)     // ADRP X16, -1 page
	binary.LittleEndian.PutUint32(code[4:], 0xf9400a11) // LDR X17, [X16, #16]
	if got, ok := loadedARM64(0x5004, code); !ok || got != 0x4010 {
		t.Errorf("%#x, %t, want 0x4010", got, ok)
	}
}

func TestMalformed(t *testing.T) {
	data, err := os.ReadFile(testExecutable(t))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"no magic", func(b []byte) []byte { b[0] = 0; return b }},
		{"32 bit", func(b []byte) []byte { b[elf.EI_CLASS] = byte(elf.ELFCLASS32); return b }},
		{"big endian", func(b []byte) []byte { b[elf.EI_DATA] = byte(elf.ELFDATA2MSB); return b }},
		{"half a header", func(b []byte) []byte { return b[:40] }},
		{"sections behind the end", func(b []byte) []byte { binary.LittleEndian.PutUint64(b[40:], 1<<60); return b }},
		{"names of sections compressed", func(b []byte) []byte {
			shoff, entry, index := binary.LittleEndian.Uint64(b[40:]), uint64(binary.LittleEndian.Uint16(b[58:])), uint64(binary.LittleEndian.Uint16(b[62:]))
			binary.LittleEndian.PutUint64(b[shoff+entry*index+8:], uint64(elf.SHF_COMPRESSED))
			return b
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := test.damage(bytes.Clone(data))
			if _, err := OpenImage(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}
