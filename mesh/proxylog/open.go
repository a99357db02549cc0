package proxylog

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The first bytes of compressed files (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1).
var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow bounds the memory that a compressed file may ask for, in bytes: what `zstd --ultra -22` uses, and less than --long=31.
const maxWindow = 128 << 20

// Open opens a log that may be compressed by gzip or zstd, whatever its name says.
func Open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is a directory", path), file.Close())
	}
	plain, err := Decompress(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return &opened{Reader: plain, file: file}, nil
}

// opened is an open log; closing it also ends what decompresses it.
type opened struct {
	io.Reader
	file *os.File
}

func (o *opened) Close() error {
	if z, ok := o.Reader.(*zstd.Decoder); ok {
		z.Close()
	}
	return o.file.Close()
}

// Decompress returns what is in r, which may be compressed by gzip or zstd.
func Decompress(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 16) // little: reads that are larger pass it by
	head, err := in.Peek(len(magicZstd))
	switch {
	case bytes.HasPrefix(head, magicGzip):
		return gzip.NewReader(bufio.NewReaderSize(in, 64<<10))
	case bytes.HasPrefix(head, magicZstd):
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	return in, nil
}

// Rotations lists the older files of a log that was rotated, oldest first, and then the log itself: NAME.1 and NAME.2.gz as
// logrotate makes them, NAME.20260131-150405 and NAME.20260131-150405.gz as the kubelet does. A log that is not there is left out if
// there are older files.
func Rotations(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	type rotation struct {
		path   string
		number int    // larger is older
		stamp  string // smaller is older
	}
	var older []rotation
	for _, entry := range entries {
		suffix, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)+".")
		if !ok || entry.IsDir() {
			continue
		}
		suffix = strings.TrimSuffix(strings.TrimSuffix(suffix, ".gz"), ".zst")
		number, err := strconv.Atoi(suffix)
		stamped := strings.Trim(suffix, "0123456789-T:") == "" && len(suffix) >= len("20060102")
		switch {
		case stamped:
			older = append(older, rotation{path: filepath.Join(filepath.Dir(path), entry.Name()), stamp: suffix})
		case err == nil && number > 0:
			older = append(older, rotation{path: filepath.Join(filepath.Dir(path), entry.Name()), number: number})
		}
	}
	slices.SortFunc(older, func(a, b rotation) int {
		return cmp.Or(cmp.Compare(b.number, a.number), cmp.Compare(a.stamp, b.stamp), cmp.Compare(a.path, b.path))
	})
	var all []string
	for _, r := range older {
		all = append(all, r.path)
	}
	if _, err := os.Stat(path); err == nil || len(all) == 0 {
		all = append(all, path)
	}
	return all, nil
}
