package tracer

import (
	"bytes"
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/library"
)

// bytesOf returns the bytes of a value as the kernel side would send them.
func bytesOf[T any](v *T) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))...)
}

func TestKindOf(t *testing.T) {
	for _, tc := range []struct {
		name string
		raw  []byte
		want bpfRingKind
		err  error
	}{
		{"hello", []byte{1, 0, 0, 0}, bpfRingKindRING_CLIENT_HELLO, nil},
		{"handshake", []byte{3, 0, 0, 0, 9}, bpfRingKindRING_HANDSHAKE, nil},
		{"empty", nil, 0, errShort},
		{"three bytes", []byte{1, 0, 0}, 0, errShort},
		{"unknown", []byte{7, 0, 0, 0}, 0, errUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := kindOf(tc.raw); got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestShortRecordsAreRefused(t *testing.T) {
	handshake := bytesOf(&bpfHandshake{})
	if err := readHandshake(handshake[:len(handshake)-1], &bpfHandshake{}); !errors.Is(err, errShort) {
		t.Errorf("handshake: %v", err)
	}
	if _, err := readProcess([]byte{4, 0, 0, 0, 1}); !errors.Is(err, errShort) {
		t.Errorf("process: %v", err)
	}
	for _, n := range []int{0, helloHeader - 1, helloHeader + 2} { // the last claims three bytes
		raw := bytesOf(&bpfHelloPart{Kind: 1, Length: 3})
		if _, _, err := readHello(raw[:n]); !errors.Is(err, errShort) {
			t.Errorf("hello of %d bytes: %v", n, err)
		}
	}
}

func TestReadHello(t *testing.T) {
	part := bpfHelloPart{Kind: 1, Length: 3, Cookie: 7, Bytes: [2560]uint8{1, 2, 3, 4}}
	cookie, message, err := readHello(bytesOf(&part)[:helloHeader+3])
	if err != nil || cookie != 7 || !bytes.Equal(message, []byte{1, 2, 3}) {
		t.Errorf("cookie %d, %v, %v", cookie, message, err)
	}
	part.Length = 1 << 30
	if _, _, err := readHello(bytesOf(&part)); !errors.Is(err, errShort) {
		t.Errorf("a length that the kernel cannot mean: %v", err)
	}
}

// FuzzFacts makes events of any bytes that may come from the ring.
func FuzzFacts(f *testing.F) {
	f.Add(bytesOf(&bpfHandshake{Kind: 2}), bytesOf(&bpfHandshake{Kind: 2, Role: 1}), []byte{1, 0, 0, 2, 3, 3}, []byte{})
	f.Add(make([]byte, 2048), make([]byte, 2048), []byte{}, []byte{2, 0, 0, 40})
	now := func(uint64) time.Time { return time.Unix(0, 0) }
	f.Fuzz(func(t *testing.T, a, b, client, server []byte) {
		one, two := &half{client: client, server: server}, &half{}
		if readHandshake(a, &one.handshake) != nil || readHandshake(b, &two.handshake) != nil {
			return
		}
		for _, c := range []connection{connectionOf(one), connectionOf(one).with(two), connectionOf(two)} {
			e := c.facts(now, nil, func(int, library.Family) (library.Target, bool) { return library.Target{}, false })
			if len(e.Records) > 24 || len(e.Gaps) > 2 {
				t.Errorf("%d records, %d gaps", len(e.Records), len(e.Gaps))
			}
			if e.ObservedFrom == event.FromBoth && (c.client == nil || c.server == nil) {
				t.Error("seen from an end that is not there")
			}
		}
	})
}
