package library

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAnalyseWithoutTLS(t *testing.T) {
	for _, pattern := range []string{"usr/lib/*/libc.so.6", "usr/lib/*/libz.so.1.*"} {
		path := suites[2].file(t, pattern)
		if _, err := analyse(t, path); !errors.Is(err, ErrNoTLS) {
			t.Errorf("%s: error %v, want ErrNoTLS", filepath.Base(path), err)
		}
	}
}

// BoringSSL has most of OpenSSL's names, and other numbers for its errors.
func TestBoringSSLIsNotOpenSSL(t *testing.T) {
	for _, name := range []string{"libssl.so.0", "libcrypto.so.0"} {
		path := filepath.Join("/usr/lib/x86_64-linux-gnu/android", name)
		if _, err := os.Stat(path); err != nil {
			unavailable(t, "no android-libboringssl: %v", err)
		}
		img := openImage(t, path)
		if found, err := findOpenSSL(img); found != nil || err != nil {
			t.Errorf("%s: %+v, %v, want none", name, found, err)
		}
	}
}

// A library that was cut off while it was written over is an error, or less is found in it; nothing else.
func TestAnalyseTruncated(t *testing.T) {
	data, err := os.ReadFile(suites[2].file(t, "usr/lib/*/libssl.so.?*"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 0; size < len(data); size += 4001 {
		// The size may also have been asked for before the file shrank.
		for _, claimed := range []int{size, len(data)} {
			targets, err := Analyse(bytes.NewReader(data[:size]), int64(claimed))
			if (err == nil) == (len(targets) == 0) {
				t.Errorf("%d bytes of %d: %d targets and error %v", size, claimed, len(targets), err)
			}
			for _, target := range targets {
				checkPoints(t, target, int64(claimed))
			}
		}
	}
}

func checkPoints(t *testing.T, target Target, size int64) {
	t.Helper()
	for _, p := range target.Points {
		if p.Offset == 0 || p.Offset >= uint64(size) {
			t.Errorf("%s at %#x of a file of %#x bytes", p.Probe, p.Offset, size)
		}
	}
}

// padded is a file with zeros behind its end.
type padded struct {
	file io.ReaderAt
	size int64
}

func (p padded) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	if at < p.size {
		var err error
		if n, err = p.file.ReadAt(b[:min(int64(len(b)), p.size-at)], at); err != nil && err != io.EOF {
			return n, err
		}
	}
	clear(b[n:])
	return len(b), nil
}

// changing is a file that somebody writes to while it is read: every read finds some of its bytes changed.
type changing struct {
	data  []byte
	reads *int
}

func (c changing) ReadAt(b []byte, off int64) (int, error) {
	*c.reads++
	n, err := bytes.NewReader(c.data).ReadAt(b, off)
	for i := *c.reads % 61; i < n; i += 61 {
		if off+int64(i) >= 64 { // the header alone would decide
			b[i] ^= byte(*c.reads)
		}
	}
	return n, err
}

// A file that changes is analysed as well as it can be: no panic, no endless search, and an error or what was found.
func TestAnalyseChangingFile(t *testing.T) {
	for _, path := range []string{suites[2].file(t, "usr/lib/*/libssl.so.?*"), suites[2].file(t, "usr/lib/*/libgnutls.so.30.*"), testExecutable(t)} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for start := range 61 { // the first reads find other bytes changed
			reads := start
			targets, err := Analyse(changing{data, &reads}, int64(len(data)))
			if (err == nil) == (len(targets) == 0) {
				t.Errorf("%s: %d targets, %v", filepath.Base(path), len(targets), err)
			}
		}
	}
}

func TestAnalyseLargeBinary(t *testing.T) {
	const node, large, limit = "/usr/bin/node", 150 << 20, 64 << 20
	f, err := os.Open(node)
	if err != nil {
		unavailable(t, "no NodeSource node: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	targets, err := Analyse(padded{f, info.Size()}, large)
	runtime.ReadMemStats(&after)
	if err != nil || len(targets) == 0 {
		t.Fatalf("%+v, %v, want a target", targets, err)
	}
	// All that was ever allocated: more than what was in use at once.
	if used := after.TotalAlloc - before.TotalAlloc; used > limit {
		t.Errorf("%d MB allocated, want less than %d", used>>20, limit>>20)
	}
}

// FuzzAnalyse edits real libraries: each 12 bytes of edits are an offset and the word to write there, so that a mutation of a
// few bytes reaches into the tables of a large file. With base 0 the edits are the file.
func FuzzAnalyse(f *testing.F) {
	bases := [][]byte{nil}
	for _, d := range suites {
		root, err := d.fetch(f.Context())
		if err != nil {
			f.Logf("%s is not fuzzed: %v", d, err)
			continue
		}
		paths, _ := filepath.Glob(filepath.Join(root, "usr/lib/*/libssl.so.?*"))
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			bases = append(bases, data)
		}
	}
	f.Add(uint8(0), []byte("\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 57)))
	for base := 1; base < len(bases); base++ {
		f.Add(uint8(base), []byte{})
		for _, at := range headerWords(bases[base]) {
			edit := binary.LittleEndian.AppendUint32(nil, uint32(at))
			f.Add(uint8(base), binary.LittleEndian.AppendUint64(edit, 1<<63-1))
			f.Add(uint8(base), binary.LittleEndian.AppendUint64(edit, uint64(len(bases[base])-1)))
		}
	}
	f.Fuzz(func(t *testing.T, base uint8, edits []byte) {
		data := edited(bases[int(base)%len(bases)], edits)
		targets, err := Analyse(bytes.NewReader(data), int64(len(data)))
		if (err == nil) == (len(targets) == 0) {
			t.Fatalf("%d targets and error %v", len(targets), err)
		}
		for _, target := range targets {
			checkPoints(t, target, int64(len(data)))
		}
	})
}

func edited(base, edits []byte) []byte {
	if base == nil {
		return edits
	}
	data := bytes.Clone(base)
	for ; len(edits) >= 12; edits = edits[12:] {
		at := binary.LittleEndian.Uint32(edits) % uint32(len(data)-8)
		copy(data[at:], edits[4:12])
	}
	return data
}

// headerWords returns the offsets of the offsets and sizes in the headers of an ELF file: in the file's own, in those of
// segments and in those of sections.
func headerWords(data []byte) []uint64 {
	words := []uint64{32, 40} // e_phoff, e_shoff
	phoff, shoff := binary.LittleEndian.Uint64(data[32:]), binary.LittleEndian.Uint64(data[40:])
	for i := range uint64(binary.LittleEndian.Uint16(data[56:])) {
		words = append(words, phoff+56*i+8, phoff+56*i+16, phoff+56*i+32) // p_offset, p_vaddr, p_filesz
	}
	for i := range uint64(binary.LittleEndian.Uint16(data[60:])) {
		words = append(words, shoff+64*i+16, shoff+64*i+24, shoff+64*i+32) // sh_addr, sh_offset, sh_size
	}
	return words
}
