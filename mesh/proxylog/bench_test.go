package proxylog_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/mesh/proxylog"
)

// BenchmarkHealthy reads the healthy lines of the corpus, over and over: what a reader does nearly all the time.
func BenchmarkHealthy(b *testing.B) {
	var block bytes.Buffer
	for _, path := range []string{"testdata/istio_text.log", "testdata/ztunnel.log", "testdata/envoy_text.log"} {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		block.WriteString(first + "\n")
	}
	text := bytes.Repeat(block.Bytes(), 4096)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		log := proxylog.NewReader(bytes.NewReader(text), proxylog.Options{})
		if e, err := log.Next(); !errors.Is(err, io.EOF) {
			b.Fatalf("a healthy log told of %+v, %v", e, err)
		}
	}
}
