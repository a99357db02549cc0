package library

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrNoTLS says that a file holds no TLS library that is known here. Most files do not.
var ErrNoTLS = errors.New("no TLS library")

// Analyse finds the TLS libraries in an ELF file of size bytes. It reads what it needs and no more, and maps nothing: the file may be
// hostile, and may change while it is read. Memory stays under 64 MB whatever the file is.
//
// The error is [ErrNoTLS] if there is none and [ErrMalformed] if the file cannot be read as ELF. An error of one finder
// does not hide what another found.
func Analyse(f io.ReaderAt, size int64) ([]Target, error) {
	img, err := OpenImage(f, size)
	if err != nil {
		return nil, err
	}
	img.Symbols(slices.Concat(opensslSymbols, boringSymbols, gnutlsSymbols)...) // one walk for all finders
	var targets []Target
	var failed error
	for _, find := range finders() {
		t, err := find(img)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		if t != nil {
			targets = append(targets, *t)
		}
	}
	if len(targets) > 0 {
		return targets, nil
	}
	if failed != nil {
		return nil, fmt.Errorf("find TLS libraries: %w", failed)
	}
	return nil, ErrNoTLS
}

// finders are the families' finders. Each returns nil for a file that is not of its family.
func finders() []func(*Image) (*Target, error) {
	return []func(*Image) (*Target, error){findOpenSSL, findBoringSSL, findGo, findGnuTLS}
}
