package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tlstrace/tlstrace/event"
)

// standard is what encoding/json makes of an event, with the unsafe characters escaped as [AppendJSON] does.
func standard(t testing.TB, e *event.Event) (string, bool) {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return "", false
	}
	var out []byte
	for _, r := range strings.TrimSuffix(buf.String(), "\n") {
		if r == 0x7f || unsafeRune(r) {
			out = appendEscape(out, r)
		} else {
			out = append(out, string(r)...)
		}
	}
	return string(out), true
}

func TestAppendJSONEqualsEncodingJSON(t *testing.T) {
	names, events := samples(t)
	for i := range events {
		want, ok := standard(t, &events[i])
		if !ok {
			t.Fatalf("%s: encoding/json refuses it", names[i])
		}
		if diff := cmp.Diff(want, string(AppendJSON(nil, &events[i]))); diff != "" {
			t.Errorf("%s: %s", names[i], diff)
		}
	}
}

// A field that is added to the event and forgotten in AppendJSON fails here.
func TestAppendJSONKnowsEveryField(t *testing.T) {
	for seed := range int64(300) {
		e := randomEvent(rand.New(rand.NewSource(seed)))
		want, ok := standard(t, &e)
		if !ok {
			t.Fatal("encoding/json refuses a random event")
		}
		if diff := cmp.Diff(want, string(AppendJSON(nil, &e))); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	_, events := samples(t)
	var buf bytes.Buffer
	sink := NewJSON(&buf)
	for _, e := range events {
		if err := sink.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(buf.String(), "\n"); n != len(events) {
		t.Errorf("%d lines for %d events", n, len(events))
	}
	var got []event.Event
	for e, err := range ReadJSON(&buf, "buf") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(events, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
		t.Error(diff)
	}
}

func TestJSONEscapesWhatATerminalObeys(t *testing.T) {
	e := event.Event{ID: "\x1b[2J\x7f\u009b\u202e\u2066\u2028\u2029\ufeff<&>\xff\t\"\\é漢"}
	got := string(AppendJSON(nil, &e))
	want := `"id":"\u001b[2J\u007f\u009b\u202e\u2066\u2028\u2029\ufeff<&>\ufffd\t\"\\é漢"`
	if !strings.Contains(got, want) {
		t.Errorf("got %s, want it to hold %s", got, want)
	}
}

// Eight bytes are judged at a time: every byte is tried at every place among them, and after each other kind of byte.
func TestJSONEscapesEveryByteAtEveryPlace(t *testing.T) {
	for b := range 256 {
		for place := range 17 {
			for _, before := range []byte{'a', 0, '"', '\\', 0x7f, 0x80, ' ', '!', '#', '[', ']'} {
				text := []byte(strings.Repeat(string(rune('a')), 17))
				text[place] = byte(b)
				if place > 0 {
					text[place-1] = before
				}
				e := event.Event{ID: string(text)}
				want, _ := standard(t, &e)
				if got := string(AppendJSON(nil, &e)); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		}
	}
}

func TestJSONOfWhatJSONCannotSay(t *testing.T) {
	e := event.Event{Duration: math.NaN(), Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}
	e.TCP.Idle = math.Inf(1)
	var back event.Event
	if err := json.Unmarshal(AppendJSON(nil, &e), &back); err != nil {
		t.Fatal(err)
	}
	if back.Duration != 0 || back.TCP.Idle != 0 || !back.Time.IsZero() {
		t.Errorf("invented %v, %v, %v", back.Duration, back.TCP.Idle, back.Time)
	}
}

func TestJSONReportsThatItsOutputIsGone(t *testing.T) {
	if err := NewJSON(brokenPipe{}).Write(event.Event{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzAppendJSON(f *testing.F) {
	f.Add("sni.example", "\x1b\u202e\xff", int64(1), 0.5, uint64(1<<63), false)
	f.Add("", "\u2028\"\\", int64(-1), 1e-9, uint64(0), true)
	f.Add("a", "\x7f\u0080", int64(1<<62), 1e21, uint64(7), true)
	f.Fuzz(func(t *testing.T, s1, s2 string, n int64, x float64, u uint64, on bool) {
		e := randomEvent(rand.New(rand.NewSource(n)))
		e.ID, e.Duration, e.TCP.ClientBytes = s1, x, u
		e.Verdict.Hint, e.Verdict.Summary, e.Node = s2, s1, s2
		e.TLS = &event.TLS{SNI: s2, OfferedALPN: []string{s1, s2, ""}, Resumed: on}
		e.Client.Process = &event.Process{Comm: s2}
		e.TCP.Idle = -x
		want, ok := standard(t, &e)
		got := AppendJSON(nil, &e)
		if !ok {
			if !json.Valid(got) {
				t.Fatalf("not JSON: %s", got)
			}
			return
		}
		if want != string(got) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

// randomEvent fills every field that can be reached, or leaves it empty, by the flip of a coin.
func randomEvent(r *rand.Rand) event.Event {
	var e event.Event
	fill(r, reflect.ValueOf(&e).Elem())
	return e
}

func fill(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(r.Int63n(1<<34), r.Int63n(1e9)).In(time.FixedZone("x", 60*r.Intn(600)))))
		return
	case netip.Addr:
		addrs := []netip.Addr{{}, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%e\x1b<th0")}
		v.Set(reflect.ValueOf(addrs[r.Intn(len(addrs))]))
		return
	case netip.AddrPort:
		all := []netip.AddrPort{{}, netip.MustParseAddrPort("10.0.0.1:443"), netip.MustParseAddrPort("[fe80::1%e\x1b<th0]:15001")}
		v.Set(reflect.ValueOf(all[r.Intn(len(all))]))
		return
	}
	if v.Kind() != reflect.Struct && r.Intn(3) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.Intn(4), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.String:
		texts := []string{"plain", "<&>\x1b\u202e", "tab\t\"q\" \\", "\xff\u009b", "漢字"}
		v.SetString(texts[r.Intn(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int63() - r.Int63())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Float64:
		v.SetFloat(r.NormFloat64() * math.Pow(10, float64(r.Intn(50)-25)))
	default:
		panic("a kind of field that the test does not fill: " + v.Kind().String())
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	e := sample(b, "both_ends")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendJSON(buf[:0], &e)
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkEncodingJSON is what AppendJSON is measured against.
func BenchmarkEncodingJSON(b *testing.B) {
	e := sample(b, "both_ends")
	enc := json.NewEncoder(io.Discard)
	enc.SetEscapeHTML(false)
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(&e); err != nil {
			b.Fatal(err)
		}
	}
}
