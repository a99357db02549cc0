package stream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

func TestHostileServer(t *testing.T) {
	e := numbered(1)
	good := "id: 5\ndata: " + string(sink.AppendJSON(nil, &e)) + "\n\n"
	for name, junk := range map[string]string{
		"a long line":                "data: " + strings.Repeat("x", 3<<20) + "\n\n",
		"a long comment":             ":" + strings.Repeat("x", 3<<20) + "\n\n",
		"much data":                  strings.Repeat("data: "+strings.Repeat("x", 1<<10)+"\n", 3000) + "\n",
		"no JSON":                    "data: {\n\n",
		"another schema":             "data: {\"schema\":\"x\"}\n\n",
		"an empty event":             "data:\n\n",
		"a notice of nonsense":       "event: notice\ndata: x\n\n",
		"an event of a kind to come": "event: later\ndata: {}\n\n",
		"nothing but lines":          strings.Repeat("\n", 1000),
		"an id to inject":            "id: 1\r: x\nid: " + strings.Repeat("9", 1000) + "\ndata: x\n\n",
		"nonsense":                   "\x00\xff\xfe:::\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			var again atomic.Pointer[string]
			address := answers(t, func(w http.ResponseWriter, r *http.Request) {
				id := r.Header.Get(headerLastID)
				if id != "" {
					again.Store(&id)
				}
				w.Header().Set("Content-Type", typeEvents)
				_, _ = io.WriteString(w, junk+good)
			})
			c, err := Dial(t.Context(), address, DialOptions{MinRetry: time.Millisecond, MaxRetry: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 2 {
				if e, err := c.Read(t.Context()); err != nil || e.ID != "1" {
					t.Errorf("%s, %v", e.ID, err)
				}
			}
			if got := *again.Load(); got != "5" {
				t.Errorf("resumes after %q", got)
			}
		})
	}
}

func TestUnreadableEventsAreCountedAndToldOnce(t *testing.T) {
	address := answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeEvents)
		_, _ = io.WriteString(w, strings.Repeat("data: \x1b\n\n", 50))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	var told states
	c, err := Dial(t.Context(), address, DialOptions{Told: told.told})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "they are counted", func() bool { return c.Unreadable() == 50 })
	_ = c.Close()
	n := 0
	for _, s := range told.all {
		if s.Kind == Unreadable {
			n++
			if strings.Contains(s.Err.Error(), "\x1b") {
				t.Errorf("unsafe: %q", s.Err)
			}
		}
	}
	if n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestFramesInAnyPieces(t *testing.T) {
	const text = ": comment\nid: 1\n\nretry: 5\nid: 2\r\nevent: x\r\ndata: a\r\ndata:b\r\ndata:  c\r\n\r\n\n\ndata\n\nid: 3\ndata: cut off"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text)),
	} {
		f := newFrames(r)
		var got []string
		for {
			next, err := f.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				break
			}
			got = append(got, fmt.Sprintf("%s/%s/%s/%v", next.id, next.kind, next.data, next.data != nil))
		}
		if want := "1///false 2/x/a\nb\n c/true ///true"; strings.Join(got, " ") != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzFrames: whatever a server sends, what is read is bounded, and what is an event is one.
func FuzzFrames(f *testing.F) {
	e := numbered(1)
	f.Add([]byte("id: 5\ndata: " + string(sink.AppendJSON(nil, &e)) + "\n\n"))
	f.Add([]byte(":\nid: 7\n\nevent: notice\ndata: {}\n\n"))
	f.Add([]byte("data: a\ndata: b\r\n\r\n\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		frames := newFrames(strings.NewReader(string(raw)))
		for {
			next, err := frames.next()
			if errors.Is(err, errFrameTooLong) {
				continue
			}
			if err != nil {
				return
			}
			if len(next.data) > maxFrame+1 || len(next.id) > 20 || strings.Trim(next.id, "0123456789") != "" {
				t.Errorf("%d bytes, id %q", len(next.data), next.id)
			}
			if e, err := sink.DecodeJSON(next.data); err == nil && e.Schema != event.Schema {
				t.Errorf("an event of schema %q", e.Schema)
			}
		}
	})
}
