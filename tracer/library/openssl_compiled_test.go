package library

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imitation has what libssl 3.x has of this: ossl_statem_fatal and ossl_rlayer_fatal of four named arguments, a function of
// QUIC with six, and those that call them.
const imitation = `
#include <stdarg.h>
void ERR_new(void);
void ERR_set_debug(const char *file, int line, const char *func);
void ERR_vset_error(int lib, int reason, const char *fmt, va_list args);
struct s { int alert, in_error; };
static __attribute__((noinline)) void send_fatal(struct s *s, int alert) { s->alert = alert; s->in_error = 1; }
__attribute__((visibility("hidden"), noinline)) void ossl_statem_fatal(struct s *s, int alert, int reason, const char *fmt, ...) {
	va_list args; va_start(args, fmt); ERR_vset_error(20, reason, fmt, args); va_end(args);
	send_fatal(s, alert);
}
__attribute__((visibility("hidden"), noinline)) void ossl_rlayer_fatal(struct s *s, int alert, int reason, const char *fmt, ...) {
	va_list args; va_start(args, fmt); ERR_vset_error(20, reason, fmt, args); va_end(args);
	s->alert = alert;
}
__attribute__((visibility("hidden"), noinline)) int quic_raise(struct s *s, const char *file, int line, const char *func, int reason, const char *fmt, ...) {
	va_list args;
	ERR_new(); ERR_set_debug(file, line, func);
	va_start(args, fmt); ERR_vset_error(20, reason, fmt, args); va_end(args);
	return s->in_error;
}
void SSL_CONF_CTX_new(struct s *s, int n) {
	if (n == 1) ossl_statem_fatal(s, 42, 134, 0);
	if (n == 2) ossl_statem_fatal(s, 70, 258, "version %d", n);
	if (n == 3) ossl_rlayer_fatal(s, -1, 156, 0);
}
int SSL_get_error(struct s *s, int ret) { return ret < 0 ? quic_raise(s, "a.c", 7, "f", 257, 0) : 0; }
`

// Compilers and their options change how a call reaches another library, and what va_start looks like.
func TestOpenSSLHoweverCompiled(t *testing.T) {
	builds := map[string][]string{
		"gcc":              {"gcc", "-O2"},
		"gcc for size":     {"gcc", "-Os"},
		"gcc, no PLT":      {"gcc", "-O2", "-fno-plt"},
		"gcc, CET":         {"gcc", "-O2", "-fcf-protection", "-Wl,-z,ibtplt"},
		"gcc, BIND_NOW":    {"gcc", "-O2", "-Wl,-z,now", "-Wl,-z,relro"},
		"gcc, frame":       {"gcc", "-O3", "-fno-omit-frame-pointer"},
		"gcc, protector":   {"gcc", "-O2", "-fstack-protector-strong"},
		"clang":            {"clang-16", "-O2"},
		"clang, no PLT":    {"clang-16", "-O2", "-fno-plt"},
		"clang for size":   {"clang-16", "-Oz"},
		"arm64":            {"aarch64-linux-gnu-gcc", "-O2"},
		"arm64, no PLT":    {"aarch64-linux-gnu-gcc", "-O2", "-fno-plt"},
		"arm64, BTI":       {"aarch64-linux-gnu-gcc", "-O2", "-mbranch-protection=standard", "-Wl,-z,force-bti"},
		"arm64, for size":  {"aarch64-linux-gnu-gcc", "-Os"},
		"arm64, protector": {"aarch64-linux-gnu-gcc", "-O2", "-fstack-protector-strong"},
	}
	for name, compiler := range builds {
		t.Run(name, func(t *testing.T) {
			path := compile(t, imitation, compiler)
			statem, record := offsetOf(t, path, "ossl_statem_fatal"), offsetOf(t, path, "ossl_rlayer_fatal")
			strip(t, compiler[0], path)
			found := target(t, path, OpenSSL)
			if got := found.offsets(ProbeStatemFatal); !slices.Equal(got, []uint64{statem}) {
				t.Errorf("ossl_statem_fatal at %#x, want %#x; note %q", got, statem, found.Note)
			}
			if got := found.offsets(ProbeRecordFatal); !slices.Equal(got, []uint64{record}) {
				t.Errorf("ossl_rlayer_fatal at %#x, want %#x", got, record)
			}
		})
	}
}

func compile(t *testing.T, source string, compiler []string) string {
	t.Helper()
	if _, err := exec.LookPath(compiler[0]); err != nil {
		t.Skip("no compiler: ", err)
	}
	path := filepath.Join(t.TempDir(), "libssl.so")
	cmd := exec.CommandContext(t.Context(), compiler[0], append(compiler[1:], "-fPIC", "-shared", "-nostdlib", "-w", "-x", "c", "-", "-o", path)...)
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", compiler, err, out)
	}
	return path
}

func offsetOf(t *testing.T, path, name string) uint64 {
	t.Helper()
	img := openImage(t, path)
	addr, _ := img.Symbol(name)
	offset, ok := img.Offset(addr)
	if !ok {
		t.Fatalf("no %s in %s", name, path)
	}
	return offset
}

func strip(t *testing.T, compiler, path string) {
	t.Helper()
	tool := "strip"
	if prefix, ok := strings.CutSuffix(compiler, "-gcc"); ok {
		tool = prefix + "-strip"
	}
	if out, err := exec.CommandContext(t.Context(), tool, path).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Section(".symtab") != nil {
		t.Fatal("not stripped")
	}
}

func TestStrippedOfEverythingSaysSo(t *testing.T) {
	path := compile(t, imitation, []string{"gcc", "-O2", "-fno-asynchronous-unwind-tables"})
	strip(t, "gcc", path)
	found := target(t, path, OpenSSL)
	if len(found.offsets(ProbeStatemFatal)) != 0 || found.Note == "" {
		t.Errorf("%+v, want no ossl_statem_fatal and a note", found)
	}
}
