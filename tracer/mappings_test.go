package tracer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseMaps(t *testing.T) {
	const maps = `55d0c4a00000-55d0c4a21000 r--p 00000000 fe:00 1234                       /usr/bin/nginx
55d0c4a21000-55d0c4b00000 r-xp 00021000 fe:00 1234                       /usr/bin/nginx
55d0c4b00000-55d0c4b01000 r-xp 00100000 fe:00 1234                       /usr/bin/nginx
7f0000000000-7f0000001000 r-xp 00000000 00:2f 99                         /opt/a name with spaces/libssl.so.3 (deleted)
7f0000002000-7f0000003000 r-xp 00000000 00:00 0
7f0000004000-7f0000005000 r-xp 00000000 00:01 7                          anon_inode:[perf]
7ffc1bd00000-7ffc1bd02000 r-xp 00000000 00:00 0                          [vdso]
not-a-line
zz-yy r-xp 00000000 fe:00 77 /x
`
	got := parseMaps(strings.NewReader(maps))
	want := []mapping{
		{0x55d0c4a21000, 0x55d0c4b00000, "/usr/bin/nginx"},
		{0x7f0000000000, 0x7f0000001000, "/opt/a name with spaces/libssl.so.3 (deleted)"},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

func TestParseMapsIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3 * maxFiles {
		b.WriteString("1000-2000 r-xp 0 fe:00 " + strings.Repeat("1", 1+i%9) + string(rune('0'+i%10)) + " /f\n")
	}
	if n := len(parseMaps(strings.NewReader(b.String()))); n > maxFiles {
		t.Errorf("%d files", n)
	}
}

func TestParseStartTime(t *testing.T) {
	const stat = "42 (a ) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0"
	if got, err := parseStartTime([]byte(stat)); err != nil || got != 987654 {
		t.Errorf("%d, %v", got, err)
	}
	for _, cut := range []string{"", "42 (a", "42 (a) S 1 2 3"} {
		if _, err := parseStartTime([]byte(cut)); !errors.Is(err, errStat) {
			t.Errorf("%q: %v", cut, err)
		}
	}
}

func TestAFileWrittenInPlaceIsAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libssl.so")
	identity := func(content string) fileID {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := identifyPath(path)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if identity("one") == identity("longer") {
		t.Error("the same identity")
	}
	if _, err := identifyPath(t.TempDir()); err == nil {
		t.Error("a directory has an identity")
	}
}

func identifyPath(path string) (fileID, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileID{}, err
	}
	defer func() { _ = f.Close() }()
	return identify(f)
}

func TestReachGoesThroughTheMappingFirst(t *testing.T) {
	proc := t.TempDir()
	m := mapping{0x1000, 0x2000, "/lib/libssl.so"}
	if got := m.reach(proc, 7); got != filepath.Join(proc, "7/root/lib/libssl.so") {
		t.Errorf("%s", got)
	}
	if err := os.MkdirAll(filepath.Join(proc, "7/map_files/1000-2000"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := m.reach(proc, 7); got != filepath.Join(proc, "7/map_files/1000-2000") {
		t.Errorf("%s", got)
	}
}
