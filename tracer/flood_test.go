package tracer_test

import (
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/tracer"
	"github.com/tlstrace/tlstrace/verdict"
)

// sum adds up what is written.
type sum struct{ lines, told uint64 }

// Write counts an event, and those that were folded into it.
func (s *sum) Write(e event.Event) error {
	s.lines++
	s.told += 1 + uint64(e.Repeated)
	return nil
}

// Close does nothing.
func (*sum) Close() error { return nil }

// TestInjectedFloodIsAccounted feeds the way from the ring to the log with more than a kernel can: each record is that of a failure
// before which the kernel has shed nine that were alike.
func TestInjectedFloodIsAccounted(t *testing.T) {
	const records, shedBefore = 20_000, 9
	failure := tracer.NewFailure([]byte{1, 0, 0, 0}, []byte{2, 0, 0, 0})
	d := tracer.NewDecoder()
	var written sum
	fold := sink.NewFold(&written, sink.FoldOptions{})
	for i := range uint64(records) {
		failure.Shed(1+i%10, (1+i/10)*shedBefore) // of ten kinds in turns
		for _, raw := range failure.Records(1 + i) {
			d.Take(raw)
		}
		e, ok := d.Next()
		if !ok {
			t.Fatalf("record %d is not told", i)
		}
		e = verdict.Judge(e)
		if err := fold.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := fold.Close(); err != nil {
		t.Fatal(err)
	}
	stats := fold.Stats()
	if made := uint64(records * (1 + shedBefore)); written.told+stats.Shed != made || stats.In != made {
		t.Errorf("%d are told and %d shed of %d", written.told, stats.Shed, made)
	}
	if written.lines > records/100 {
		t.Errorf("%d lines: repeats are not folded", written.lines)
	}
}
