package library

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goBuilds are all ways to build with each release: every combination for the installed one, the extremes for the older ones.
func goBuilds() []goBuild {
	var all []goBuild
	for _, release := range goReleases {
		all = append(all, goBuild{release: release}, goBuild{release: release, cgo: true, pie: true}, goBuild{release: release, arch: "arm64", pie: true})
	}
	return append(all, goBuild{release: "local", pie: true}, goBuild{release: "local", cgo: true},
		goBuild{release: "local", arch: "arm64"}, goBuild{release: "local", level: "v3"})
}

// What is found in a program without symbols is what the symbol table of its twin says, and what the go command's disassembler
// sees there.
func TestGoTargets(t *testing.T) {
	for _, b := range goBuilds() {
		t.Run(b.String(), func(t *testing.T) {
			symbols := b.program(t)
			stripped := b
			stripped.strip = true
			got, want := goTarget(t, stripped.program(t)), goTarget(t, symbols)
			if !slices.Equal(got.Points, want.Points) || got.Layout.GoAlerts == 0 || got.Note != "" { // the data moves with the flags that are recorded in it
				t.Errorf("stripped: %+v\nwith symbols: %+v", got, want)
			}
			checks := disassembled(t, symbols, "sendAlertLocked", "JBE", "BLS")
			if start := checks[0].next; !slices.Equal(want.offsets(ProbeGoAlert), []uint64{start}) {
				t.Errorf("%s at %#x, want %#x", goAlert, want.offsets(ProbeGoAlert), start)
			}
			for _, r := range goReturns {
				var returns []uint64
				for _, in := range disassembled(t, symbols, strings.TrimPrefix(r.function, "crypto/tls.(*Conn)."), "RET") {
					returns = append(returns, in.offset)
				}
				if !slices.Equal(want.offsets(r.probe), returns) || len(returns) == 0 {
					t.Errorf("RET of %s at %#x, want %#x", r.function, want.offsets(r.probe), returns)
				}
			}
			if table := symbolAddress(t, symbols, "runtime.staticuint64s"); want.Layout.GoAlerts != table {
				t.Errorf("GoAlerts %#x, want %#x", want.Layout.GoAlerts, table)
			}
			if !strings.HasPrefix(got.Version, b.releaseName()) || got.Layout.GoReceiver != goReceiver {
				t.Errorf("version %q, layout %+v", got.Version, got.Layout)
			}
		})
	}
}

// The version is what debug/buildinfo says.
func TestGoVersionOfThisTest(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := printableVersion(info.GoVersion)
	if got := goVersion(openImage(t, path)); got != want {
		t.Errorf("version %q, want %q", got, want)
	}
}

// The headers of sections can be removed; the runtime needs none.
func TestGoWithoutSections(t *testing.T) {
	path := goBuild{release: "local", strip: true}.program(t)
	want := goTarget(t, path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(data[40:48]) // e_shoff
	clear(data[58:64]) // e_shentsize, e_shnum, e_shstrndx
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := goTarget(t, path); !slices.Equal(got.Points, want.Points) {
		t.Errorf("without sections: %+v, want %+v", got.Points, want.Points)
	}
}

func TestNotGo(t *testing.T) {
	sh, err := os.Readlink("/bin/sh")
	if err != nil {
		sh = "sh"
	}
	if found, err := findGo(openImage(t, "/bin/"+sh)); found != nil || err != nil {
		t.Errorf("findGo(%s): %+v, %v, want nothing", sh, found, err)
	}
}

// A program of Go without TLS: the go command's own formatter.
func TestGoWithoutTLS(t *testing.T) {
	out, err := goBuild{release: "local"}.command(t.TempDir(), "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSpace(string(out)) + "/bin/gofmt"
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	if found, err := findGo(openImage(t, path)); found != nil || err != nil {
		t.Errorf("findGo(%s): %+v, %v, want nothing", path, found, err)
	}
}

func TestGoMinor(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  string
		minor int
	}{
		{"go1.26.8", "go1.26.8", 26},
		{"go1.26rc1", "go1.26rc1", 26},
		{"go1.22.5 X:boringcrypto", "go1.22.5", 22},
		{"devel go1.27-0123456789 Mon Nov 23 16:34:24 2026", "go1.27-0123456789", 27},
		{"go1.22\x1b[31m", "", 0},
		{"unknown", "", 0},
	} {
		version, ok := printableVersion(c.text)
		if ok != (c.want != "") || ok && version != c.want {
			t.Errorf("printableVersion(%q) = %q, %t, want %q", c.text, version, ok, c.want)
		}
		if minor, _ := goMinor(c.want); minor != c.minor {
			t.Errorf("goMinor(%q) = %d, want %d", c.want, minor, c.minor)
		}
	}
}

// An unknown release gets no offsets rather than another's, and the note says so.
func TestGoLayoutUnknown(t *testing.T) {
	for _, version := range []string{"", "go1.21.13", "go1.27", "go1.x"} {
		if got := goLayout(version); got != (Layout{}) || goVersionNote(version) == "" {
			t.Errorf("goLayout(%q) = %+v, note %q, want none and a note", version, got, goVersionNote(version))
		}
	}
}

// goTarget is what findGo finds, which must be something.
func goTarget(t testing.TB, path string) Target {
	t.Helper()
	found, err := findGo(openImage(t, path))
	if err != nil || found == nil {
		t.Fatalf("findGo(%s): %+v, %v", path, found, err)
	}
	return *found
}

// symbolAddress looks a name up in the symbol table, by debug/elf.
func symbolAddress(t *testing.T, path, name string) uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("%s has no symbol %s", path, name)
	return 0
}

func fileOffset(t *testing.T, path string, addr uint64) uint64 {
	t.Helper()
	offset, ok := openImage(t, path).Offset(addr)
	if !ok {
		t.Fatalf("%#x is not in %s", addr, path)
	}
	return offset
}

// instruction is one of a disassembly: offsets in the file of itself and of the next.
type instruction struct{ offset, next uint64 }

// disassembled lists those instructions of a method of Conn in "go tool objdump" that are named, at least one.
func disassembled(t *testing.T, path, method string, names ...string) []instruction {
	t.Helper()
	out, err := exec.Command("go", "tool", "objdump", "-s", `^crypto/tls\.\(\*Conn\)\.`+method+"$", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []instruction
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line) // file:line, address, bytes, name, operands
		if len(fields) < 4 || !slices.Contains(names, fields[3]) {
			continue
		}
		addr, err := strconv.ParseUint(fields[1], 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		offset := fileOffset(t, path, addr)
		all = append(all, instruction{offset, offset + uint64(len(fields[2])/2)})
	}
	if len(all) == 0 {
		t.Fatalf("%s of %s has no %q", method, path, names)
	}
	return all
}

// patched is a file that ends early and of which some bytes are others.
type patched struct {
	file  io.ReaderAt
	size  int64
	at    int64
	patch []byte
}

func (p patched) ReadAt(b []byte, at int64) (int, error) {
	n, err := io.NewSectionReader(p.file, 0, p.size).ReadAt(b, at)
	if from := max(p.at, at); from < min(p.at+int64(len(p.patch)), at+int64(n)) {
		copy(b[from-at:n], p.patch[from-p.at:])
	}
	return n, err
}

// A program that is truncated or damaged anywhere is an error or fewer points, never a panic, and points stay in the file.
func FuzzGo(f *testing.F) {
	path := goBuild{release: "local", strip: true, pie: true}.program(f)
	file, err := os.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { file.Close() })
	info, err := file.Stat()
	if err != nil {
		f.Fatal(err)
	}
	img := openImage(f, path)
	table, err := findFunctionTable(img)
	if err != nil || table == nil {
		f.Fatal(table, err)
	}
	end := uint32(info.Size())
	f.Add(end, uint32(0), []byte{})
	for _, at := range []uint64{table.addr, table.addr + table.names, table.addr + table.functions, img.File.Section(".go.buildinfo").Addr, img.File.Section(".go.module").Addr} {
		offset, _ := img.Offset(at)
		for word := range uint32(9) {
			f.Add(end, uint32(offset)+8*word, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
			f.Add(end, uint32(offset)+8*word, []byte{0, 0, 0, 0, 0, 0, 0, 0})
		}
		f.Add(uint32(offset)+24, uint32(0), []byte{})
	}
	for header := range uint32(48) { // of the file, and of its segments
		f.Add(end, 16*header, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		f.Add(end*header/48, 8*header, []byte{0})
	}
	f.Fuzz(func(t *testing.T, size, at uint32, patch []byte) {
		damaged := patched{file: file, size: min(int64(size), info.Size()), at: int64(at), patch: patch}
		img, err := OpenImage(damaged, damaged.size)
		if err != nil {
			return
		}
		found, err := findGo(img)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v, want ErrMalformed", err)
		}
		if found == nil {
			return
		}
		for _, p := range found.Points {
			if p.Offset >= uint64(damaged.size) {
				t.Errorf("%+v lies after the end at %#x", p, damaged.size)
			}
		}
	})
}

func BenchmarkGo(b *testing.B) {
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	img := openImage(b, path)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := findGo(img); err != nil {
			b.Fatal(err)
		}
	}
}
