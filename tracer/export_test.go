package tracer

import (
	"unsafe"

	"github.com/tlstrace/tlstrace/event"
)

// Failure is what the kernel sends of one end of a handshake that failed, for the benchmark of the way from the ring to JSON.
type Failure struct {
	hellos    [2]bpfHelloPart
	handshake bpfHandshake
}

// NewFailure makes the records of the client's end of a TLS 1.3 handshake that the client refused in clear, as OpenSSL does
// when it does not trust the server's certificate. The hellos are handshake messages.
func NewFailure(client, server []byte) *Failure {
	f := &Failure{
		hellos: [2]bpfHelloPart{
			{Kind: uint32(bpfRingKindRING_CLIENT_HELLO)}, {Kind: uint32(bpfRingKindRING_SERVER_HELLO)},
		},
		handshake: refusedByClient(uint32(len(client)), uint32(len(server))),
	}
	for i, message := range [][]byte{client, server} {
		f.hellos[i].Length = uint32(copy(f.hellos[i].Bytes[:], message))
	}
	return f
}

func refusedByClient(clientHello, serverHello uint32) bpfHandshake {
	const start = 5e12
	h := bpfHandshake{
		Kind: uint32(bpfRingKindRING_HANDSHAKE), Ending: uint32(bpfEndingEND_CLOSED),
		StartNs: start, CloseNs: start + 3.1e6, EndNs: start + 3.2e6, Cgroup: 5123, Netns: 4026531840, Pid: 4242,
		LocalAddr:  [16]uint8{10: 0xff, 11: 0xff, 12: 10, 13: 244, 14: 1, 15: 17},
		RemoteAddr: [16]uint8{10: 0xff, 11: 0xff, 12: 10, 13: 96, 14: 40, 15: 8},
		LocalIsn:   0x11111111, RemoteIsn: 0x22222222, LocalPort: 45678, RemotePort: 8443,
		Flags: uint32(bpfHandshakeFlagHS_ESTABLISHED), Role: uint8(bpfRoleROLE_CLIENT),
		Closer: uint8(bpfCloserCLOSER_LOCAL), How: uint8(bpfCloseHowHOW_FIN),
	}
	copy(h.Comm[:], "curl")
	h.Stream[bpfDirectionSENT] = walked(h.LocalIsn, bpfStream{Seen: 1 << 1, Alerts: 1, AlertLevel: 2, AlertCode: 48},
		bpfRecord{AtUs: 210, Length: uint16(clientHello), Type: 22, Handshake: 1},
		bpfRecord{AtUs: 2900, Length: 2, Type: 21})
	h.Stream[bpfDirectionRECEIVED] = walked(h.RemoteIsn, bpfStream{Seen: 1 << 2, Flags: uint16(bpfStreamFlagSTREAM_CCS)},
		bpfRecord{AtUs: 1500, Length: uint16(serverHello), Type: 22, Handshake: 2},
		bpfRecord{AtUs: 1501, Length: 1, Type: 20},
		bpfRecord{AtUs: 1502, Length: 27, Type: 23},
		bpfRecord{AtUs: 1502, Length: 2650, Type: 23},
		bpfRecord{AtUs: 1503, Length: 281, Type: 23},
		bpfRecord{AtUs: 1503, Length: 69, Type: 23})
	return h
}

// walked completes a stream that was followed to its end.
func walked(isn uint32, s bpfStream, trail ...bpfRecord) bpfStream {
	s.Next = isn
	for _, r := range trail {
		s.Next += 5 + uint32(r.Length)
		s.LastUs = r.AtUs
	}
	s.Top, s.State, s.Records = s.Next, uint8(bpfStreamStateSTREAM_RECORDS), uint8(copy(s.Trail[:], trail))
	s.Flags |= uint16(bpfStreamFlagSTREAM_HELLO_DONE)
	return s
}

// Shed says by which limit the failure may be told, and how many that limit has shed so far.
func (f *Failure) Shed(limit, shed uint64) { f.handshake.LimitId, f.handshake.Shed = limit, shed }

// Records returns the records as they lie in the ring, as those of the connection with that cookie. They are valid until the
// next call.
func (f *Failure) Records(cookie uint64) (records [3][]byte) {
	for i := range f.hellos {
		f.hellos[i].Cookie = cookie
		records[i] = view(&f.hellos[i])[:helloHeader+f.hellos[i].Length]
	}
	f.handshake.Cookie = cookie
	records[2] = view(&f.handshake)
	return records
}

func view[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

// Decoder is a Tracer without a kernel.
type Decoder struct{ t Tracer }

// NewDecoder makes one.
func NewDecoder() *Decoder {
	return &Decoder{Tracer{pairs: newPairs(func(uint64) *half { return nil }), alike: newAlike(nil, nil), targets: &targets{}}}
}

// Take decodes what the ring holds of one record.
func (d *Decoder) Take(raw []byte) { d.t.take(raw) }

// Next is the part of [Tracer.Read] that follows.
func (d *Decoder) Next() (event.Event, bool) {
	c, ok := d.t.pairs.next()
	if !ok {
		return event.Event{}, false
	}
	return d.t.facts(c), true
}

// CgroupRoot finds where cgroup v2 is mounted.
var CgroupRoot = cgroupRoot

// Flights returns how many handshakes are in flight by the place of their cookies: as the kernel side counts them, and as its map has them.
// Places without any are left out.
func (t *Tracer) Flights() (counted, there map[uint64]uint32, err error) {
	places := make([]uint32, flightPlaces)
	if err := t.loaded.collection.Variables["flights"].Get(&places); err != nil {
		return nil, nil, err
	}
	counted, there = map[uint64]uint32{}, map[uint64]uint32{}
	for place, n := range places {
		if n > 0 {
			counted[uint64(place)] = n
		}
	}
	var cookie uint64
	var h bpfHandshake
	entries := t.loaded.collection.Maps[bpfMapInflight].Iterate()
	for entries.Next(&cookie, &h) {
		there[cookie%flightPlaces]++
	}
	return counted, there, entries.Err()
}

const flightPlaces = 16384 // FLIGHTS in bpf/flight.h

// HasShadowStacks says whether processes may have them here.
var HasShadowStacks = hasShadowStacks
