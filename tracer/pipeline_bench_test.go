package tracer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/verdict"
)

// hellos are those of a real program that the benchmark's failure begins with: see hello/testdata/README.md.
func hellos(t testing.TB, name string) (client, server []byte) {
	t.Helper()
	for ext, to := range map[string]*[]byte{".client": &client, ".server": &server} {
		b, err := os.ReadFile(filepath.Join("hello", "testdata", name+ext))
		if err != nil {
			t.Fatal(err)
		}
		*to = b
	}
	return client, server
}

// pipeline is the flow of cmd/tlstrace from the ring's bytes to a line of JSON, on one event.
func pipeline(d *tracer.Decoder, f *tracer.Failure, cookie uint64, line []byte) ([]byte, bool) {
	for _, record := range f.Records(cookie) {
		d.Take(record)
	}
	facts, ok := d.Next()
	if !ok {
		return line, false
	}
	judged := verdict.Judge(facts)
	return append(sink.AppendJSON(line[:0], &judged), '\n'), true
}

func TestPipelineTellsTheFailureThatTheBenchmarkMeasures(t *testing.T) {
	client, server := hellos(t, "curl788")
	line, ok := pipeline(tracer.NewDecoder(), tracer.NewFailure(client, server), 1, nil)
	var e event.Event
	if !ok || json.Unmarshal(line, &e) != nil {
		t.Fatalf("no event: %q", line)
	}
	if e.Outcome != event.Failed || e.Verdict.Reason != event.UnknownCA || e.Verdict.GaveUp != event.Client {
		t.Errorf("verdict %+v of outcome %q", e.Verdict, e.Outcome)
	}
	if e.TLS == nil || e.TLS.SNI != "payments.shop.test" || len(e.Records) != 8 || e.Client.Process == nil {
		t.Errorf("facts are missing: %s", line)
	}
}

// processorTime is what this process has used, its garbage collector included: on a busy machine the clock tells more of what else
// runs there.
func processorTime(t testing.TB) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

// BenchmarkPipeline measures one event from the bytes in the ring to its line of JSON. `make bench` prints its figures.
func BenchmarkPipeline(b *testing.B) {
	for _, name := range []string{"curl788", "go126-pq", "boringssl-grease"} {
		b.Run(name, func(b *testing.B) {
			client, server := hellos(b, name)
			d, f := tracer.NewDecoder(), tracer.NewFailure(client, server)
			line := make([]byte, 0, 8192)
			b.ReportAllocs()
			begun := processorTime(b)
			for cookie := uint64(1); b.Loop(); cookie++ {
				var ok bool
				if line, ok = pipeline(d, f, cookie, line); !ok {
					b.Fatal("no event")
				}
			}
			b.ReportMetric(float64(processorTime(b)-begun)/float64(b.N), "cpu-ns/op")
		})
	}
}
