package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// numbered is an event that a test can recognise: its id is n, and it happened n seconds after noon.
func numbered(n int) event.Event {
	return event.Event{
		Schema: event.Schema, ID: fmt.Sprint(n), Time: noon.Add(time.Duration(n) * time.Second), Outcome: event.Failed,
		ObservedFrom: event.FromClient,
	}
}

func open(t testing.TB, o Options) *History {
	t.Helper()
	h, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func write(t testing.TB, h *History, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := h.Write(numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// ids are those of the events since a time, in one line.
func ids(h *History, since time.Time) string {
	var all []string
	for e := range h.Since(since) {
		all = append(all, e.ID)
	}
	return strings.Join(all, " ")
}

func TestSinceIsInTimeOrder(t *testing.T) {
	h := open(t, Options{})
	for _, n := range []int{3, 1, 2, 5, 4} {
		write(t, h, n, n+1)
	}
	for since, want := range map[time.Time]string{
		{}:                              "1 2 3 4 5",
		noon.Add(3 * time.Second):       "3 4 5",
		noon.Add(3*time.Second + 1):     "4 5",
		noon.Add(time.Hour):             "",
		noon.Add(-time.Hour).Local():    "1 2 3 4 5",
		noon.Add(5 * time.Second).UTC(): "5",
	} {
		if got := ids(h, since); got != want {
			t.Errorf("since %s: %q, want %q", since, got, want)
		}
	}
}

func TestSinceIsASnapshotAndBlocksNoWriter(t *testing.T) {
	h := open(t, Options{Events: 3})
	write(t, h, 0, 3)
	var got []string
	for e := range h.Since(time.Time{}) {
		got = append(got, e.ID)
		write(t, h, 10, 20) // would wait for ever
	}
	if want := []string{"0", "1", "2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range h.Since(time.Time{}) {
		break
	}
}

func TestBounds(t *testing.T) {
	e := numbered(100)
	line := int64(len(sink.AppendJSON(nil, &e)))
	for _, c := range []struct {
		name string
		o    Options
		kept int
	}{
		{"by count", Options{Events: 7}, 7},
		{"by bytes", Options{Bytes: 5*line + line/2}, 5},
		{"bytes for none", Options{Bytes: 1}, 0},
		{"the first that is reached", Options{Events: 9, Bytes: 4 * line}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, c.o)
			write(t, h, 100, 900)
			s := h.Stats()
			if s.Events != c.kept || s.Evicted != uint64(800-c.kept) || s.Bytes != int64(c.kept)*line {
				t.Errorf("kept %d of %d bytes, evicted %d", s.Events, s.Bytes, s.Evicted)
			}
			var want []string
			for n := 900 - c.kept; n < 900; n++ {
				want = append(want, fmt.Sprint(n))
			}
			if got := ids(h, time.Time{}); got != strings.Join(want, " ") {
				t.Errorf("kept %s", got)
			}
			if room := cap(h.ring.entries); room > 64 {
				t.Errorf("%d places for %d events", room, c.kept)
			}
		})
	}
}

func TestAfterTellsWhatASlowReaderMissed(t *testing.T) {
	h := open(t, Options{Events: 4, Now: func() time.Time { return noon }})
	start := h.Last()
	write(t, h, 0, 3)
	b := h.After(start, 2)
	if len(b.Entries) != 2 || b.Missed != 0 || b.Next != start+2 || b.Entries[0].Event.ID != "0" {
		t.Fatalf("got %+v", b)
	}
	write(t, h, 3, 10) // keeps 6 to 9, so 2 to 5 are gone
	b = h.After(b.Next, 100)
	if len(b.Entries) != 4 || b.Missed != 4 || b.Entries[0].Event.ID != "6" || b.Next != h.Last() {
		t.Fatalf("got %d entries, missed %d, next %d", len(b.Entries), b.Missed, b.Next)
	}
	if b = h.After(b.Next, 100); len(b.Entries) != 0 || b.Missed != 0 || b.Next != h.Last() {
		t.Errorf("after the end: %+v", b)
	}
	if b = h.After(0, 100); b.Missed != 6 {
		t.Errorf("of this life %d are gone, said %d", 6, b.Missed)
	}
}

func TestChangedTellsOfTheNextEvent(t *testing.T) {
	h := open(t, Options{})
	changed := h.Changed()
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	write(t, h, 0, 1)
	<-changed
	if again := h.Changed(); again == changed {
		t.Error("the same channel again")
	}
}

func TestResume(t *testing.T) {
	h := open(t, Options{Events: 4, Now: func() time.Time { return noon }})
	start := h.Last()
	write(t, h, 0, 10)
	for _, c := range []struct {
		name  string
		seen  uint64
		after uint64
		whole bool
	}{
		{"everything", start + 10, start + 10, true},
		{"what is kept", start + 8, start + 8, true},
		{"all that is gone", start + 6, start + 6, true},
		{"less than is gone", start + 5, start + 5, false},
		{"nothing of this life", start, start, false},
		{"an earlier life", start - 1000, start - 1000, false},
		{"the future", start + 11, start, false},
		{"nonsense", 1<<64 - 1, start, false},
		{"zero", 0, 0, false},
	} {
		if after, whole := h.Resume(c.seen); after != c.after || whole != c.whole {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, after, whole, c.after, c.whole)
		}
	}
}

func TestWriteAfterClose(t *testing.T) {
	h := open(t, Options{})
	write(t, h, 0, 1)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Write(numbered(1)); !errors.Is(err, sink.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if got := ids(h, time.Time{}); got != "0" {
		t.Errorf("kept %q", got)
	}
}

func TestManyWritersAndReaders(t *testing.T) {
	h := open(t, Options{Events: 100_000, Dir: t.TempDir()})
	start := h.Last()
	const writers, each = 4, 500
	var all sync.WaitGroup
	for range writers {
		all.Go(func() { write(t, h, 0, each) })
	}
	for range 3 {
		all.Go(func() {
			seen, next := 0, start
			for seen < writers*each {
				changed := h.Changed()
				b := h.After(next, 64)
				if b.Missed != 0 {
					t.Errorf("missed %d", b.Missed)
					return
				}
				for i, e := range b.Entries {
					if e.Number != next+uint64(i)+1 {
						t.Errorf("%d after %d", e.Number, next+uint64(i))
					}
				}
				seen, next = seen+len(b.Entries), b.Next
				if len(b.Entries) == 0 {
					<-changed
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkWrite(b *testing.B) {
	h := open(b, Options{Events: 10_000, Bytes: 1 << 40})
	e := numbered(1)
	b.ReportAllocs()
	for b.Loop() {
		_ = h.Write(e)
	}
}
