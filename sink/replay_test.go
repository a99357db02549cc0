package sink

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/tlstrace/tlstrace/event"
)

// replayed is what a stream was read as: an id or an error per line.
func replayed(r io.Reader) []string {
	var all []string
	for e, err := range ReadJSON(r, "rec.jsonl") {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, e.ID)
	}
	return all
}

const line1 = `{"schema":"tlstrace.event/v1","id":"one"}`
const line2 = `{"schema":"tlstrace.event/v1","id":"two","from_the_future":{"x":[1]}}`

func TestReadJSON(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
	}{
		{"empty", "", nil},
		{"two lines, an unknown field", line1 + "\n" + line2 + "\n", []string{"one", "two"}},
		{"no line end at the end", line1 + "\n" + line2, []string{"one", "two"}},
		{"empty lines, CRLF", "\n" + line1 + "\r\n  \n\n" + line2 + "\r\n", []string{"one", "two"}},
		{"byte order mark", "\ufeff" + line1 + "\n" + line2 + "\n", []string{"one", "two"}},
		{"only a byte order mark", "\ufeff", nil},
		{
			"half written at the end", line1 + "\n" + line2[:30],
			[]string{"one", "rec.jsonl:2: the line is half written: the stream was cut off"},
		},
		{
			"garbage in the middle", line1 + "\nfoo\n" + line2 + "\n",
			[]string{"one", "rec.jsonl:2: not JSON at byte 2: invalid character 'o' in literal false (expecting 'a')", "two"},
		},
		{
			"half written in the middle", line1[:20] + "\n\n" + line2 + "\n",
			[]string{"rec.jsonl:1: not JSON at byte 20: unexpected end of JSON input", "two"},
		},
		{
			"another schema", `{"schema":"tlstrace.event/v2","id":[]}` + "\n" + line1,
			[]string{`rec.jsonl:1: the line is no event that this version can read: its schema is "tlstrace.event/v2", want "tlstrace.event/v1"`, "one"},
		},
		{
			"no schema", "{}\nnull\n" + line1,
			[]string{
				`rec.jsonl:1: the line is no event that this version can read: it has no schema, want "tlstrace.event/v1"`,
				`rec.jsonl:2: the line is no event that this version can read: it has no schema, want "tlstrace.event/v1"`, "one",
			},
		},
		{
			"a field of another kind", `{"schema":"tlstrace.event/v1","client":{"port":70000}}` + "\n" + line1,
			[]string{`rec.jsonl:1: field "client.port" at byte 52 holds a number 70000`, "one"},
		},
		{
			"a control character is not repeated", "\x1b[31m\n" + line1,
			[]string{`rec.jsonl:1: not JSON at byte 1: invalid character '\\x1b' looking for beginning of value`, "one"},
		},
		{
			"a line of more than 1 MiB", line1 + "\n" + `{"schema":"` + strings.Repeat("x", maxLine) + "\"}\n" + line2 + "\n",
			[]string{"one", "rec.jsonl:2: the line is longer than 1 MiB", "two"},
		},
		{
			"a line of more than 1 MiB at the end", line1 + "\n" + strings.Repeat("x", 3*maxLine),
			[]string{"one", "rec.jsonl:2: the line is longer than 1 MiB"},
		},
		{"a line of 1 MiB", line1 + strings.Repeat(" ", maxLine-len(line1)) + "\n" + line2, []string{"one", "two"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, replayed(strings.NewReader(c.stream))); diff != "" {
				t.Error(diff)
			}
			if len(c.stream) > 1000 {
				return
			}
			if diff := cmp.Diff(c.want, replayed(iotest.OneByteReader(strings.NewReader(c.stream)))); diff != "" {
				t.Errorf("byte by byte: %s", diff)
			}
		})
	}
}

func TestReadJSONErrorsAreKnownByIdentity(t *testing.T) {
	for want, stream := range map[error]string{
		ErrHalfWritten:   `{"schema`,
		ErrUnknownSchema: `{}`,
		ErrLineTooLong:   strings.Repeat("x", maxLine+2),
	} {
		for _, err := range ReadJSON(strings.NewReader("\n"+stream), "f") {
			var line *LineError
			if !errors.Is(err, want) || !errors.As(err, &line) || line.Line != 2 || line.Name != "f" {
				t.Errorf("got %v, want %v in line 2 of f", err, want)
			}
		}
	}
}

func TestReadJSONYieldsTheReadersError(t *testing.T) {
	r := io.MultiReader(strings.NewReader(line1+"\n"), iotest.ErrReader(os.ErrDeadlineExceeded))
	var errs []error
	for _, err := range ReadJSON(r, "f") {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", errs)
	}
	if line := new(LineError); errors.As(errs[1], &line) {
		t.Errorf("%v is told as a line that can be passed over", line)
	}
}

func TestReadJSONStopsWhenTheLoopDoes(t *testing.T) {
	n := 0
	for _, err := range ReadJSON(strings.NewReader(strings.Repeat(line1+"\n", 5)), "f") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d events", n)
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(line1 + "\n" + line2))
	f.Add([]byte("\xef\xbb\xbf\n{}\nnull\n[\n\x00"))
	_, events := samples(f)
	for _, e := range events {
		f.Add(AppendJSON(nil, &e))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		lines := bytes.Count(stream, []byte("\n")) + 1
		for e, err := range ReadJSON(bytes.NewReader(stream), "f\x1b") {
			if lines--; lines < 0 {
				t.Fatal("more results than lines")
			}
			if err != nil {
				checkScreen(t, Screen{}, err.Error()+"\n")
				continue
			}
			showEverywhere(t, e)
		}
	})
}

// showEverywhere runs an event through every view, and checks what they draw.
func showEverywhere(t *testing.T, e event.Event) {
	for _, screen := range []Screen{screenOf(50), screenOf(80), screenOf(0), {Width: 70, ASCII: true}} {
		checkScreen(t, screen, string(ladderOf(t, screen, e)))
		checkScreen(t, screen, string(columnsOf(t, screen, true, e)))
		checkScreen(t, screen, string(summaryOf(t, screen, Totals{}, e)))
	}
}
