package library

import (
	"debug/elf"
	"strings"
	"testing"
)

func TestGnuTLS(t *testing.T) {
	for _, d := range suites {
		t.Run(d.String(), func(t *testing.T) {
			path := d.file(t, "usr/lib/*/libgnutls.so.30.*")
			found := target(t, path, GnuTLS)
			f, err := elf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i, probe := range gnutlsProbes {
				want := dynamicOffset(t, f, gnutlsSymbols[i])
				if got := found.offsets(probe); len(got) != 1 || got[0] != want {
					t.Errorf("%s at %#x, want %#x", gnutlsSymbols[i], got, want)
				}
			}
			if !strings.HasPrefix(found.Version, "3.") {
				t.Errorf("version %q", found.Version)
			}
		})
	}
}

// What GnuTLS sends on its own must pass through the exported function: an import of its own symbol is the proof, since a call
// past the PLT would need none.
func TestGnuTLSCallsItsOwnExport(t *testing.T) {
	for _, d := range suites {
		t.Run(d.String(), func(t *testing.T) {
			img := openImage(t, d.file(t, "usr/lib/*/libgnutls.so.30.*"))
			functions := img.frames()
			within := map[string]bool{}
			for _, at := range img.callers("gnutls_alert_send") {
				begin, _, _ := functions.function(at)
				for _, name := range []string{"gnutls_alert_send_appropriate", "gnutls_bye"} {
					if addr, ok := img.Symbol(name); ok && addr == begin {
						within[name] = true
					}
				}
			}
			if len(within) != 2 {
				t.Errorf("called by %v, want by gnutls_alert_send_appropriate and gnutls_bye", within)
			}
			if len(img.callers("gnutls_certificate_verify_peers")) == 0 {
				t.Error("gnutls_certificate_verify_peers3 does not call gnutls_certificate_verify_peers")
			}
		})
	}
}

func dynamicOffset(t *testing.T, f *elf.File, name string) uint64 {
	t.Helper()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != name {
			continue
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && p.Vaddr <= s.Value && s.Value < p.Vaddr+p.Filesz {
				return s.Value - p.Vaddr + p.Off
			}
		}
	}
	t.Fatalf("no %s", name)
	return 0
}
