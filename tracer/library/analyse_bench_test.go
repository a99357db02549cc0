package library

import (
	"errors"
	"os"
	"testing"
)

// BenchmarkAnalyse shows what a new file costs: CPU and memory, off the event path.
func BenchmarkAnalyse(b *testing.B) {
	bookworm := suites[2]
	files := map[string]string{
		"libssl":    bookworm.file(b, "usr/lib/*/libssl.so.?*"),
		"libcrypto": bookworm.file(b, "usr/lib/*/libcrypto.so.?*"),
		"libssl111": suites[0].file(b, "usr/lib/*/libssl.so.?*"),
		"libc":      bookworm.file(b, "usr/lib/*/libc.so.6"),
		"go":        testExecutable(b),
		"node":      "/usr/bin/node",
	}
	for name, path := range files {
		b.Run(name, func(b *testing.B) {
			f, err := os.Open(path)
			if err != nil {
				b.Skip(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Analyse(f, info.Size()); err != nil && !errors.Is(err, ErrNoTLS) {
					b.Fatal(err)
				}
			}
		})
	}
}
