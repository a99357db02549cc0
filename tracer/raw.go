package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

// Sentinels of decoding a record from the ring. Both mean that the programs in the kernel are not this build's.
var (
	errShort   = errors.New("record is shorter than its kind")
	errUnknown = errors.New("record is of an unknown kind")
)

// half is a handshake as one of its ends saw it, with the hellos if they were kept.
type half struct {
	handshake bpfHandshake
	client    []byte // ClientHello from its type byte on, as far as captured
	server    []byte // the server's first message, likewise
}

// readHello decodes a RING_HELLO record. The slices are copies.
func readHello(raw []byte) (cookie uint64, client, server []byte, err error) {
	var h bpfHello
	if err := fill(unsafe.Slice((*byte)(unsafe.Pointer(&h)), unsafe.Sizeof(h)), raw); err != nil {
		return 0, nil, nil, err
	}
	both := make([]byte, 0, len(raw))
	both = append(both, h.Client[:min(int(h.ClientLen), len(h.Client))]...)
	n := len(both)
	both = append(both, h.Server[:min(int(h.ServerLen), len(h.Server))]...)
	return h.Cookie, both[:n:n], both[n:], nil
}

// readHandshake decodes a RING_HANDSHAKE record into h.
func readHandshake(raw []byte, h *bpfHandshake) error {
	return fill(unsafe.Slice((*byte)(unsafe.Pointer(h)), unsafe.Sizeof(*h)), raw)
}

// fill copies a record into a struct of the same layout.
func fill(to, raw []byte) error {
	if len(raw) < len(to) {
		return fmt.Errorf("%w: %d bytes of %d", errShort, len(raw), len(to))
	}
	copy(to, raw)
	return nil
}

// kindOf returns the kind that every record begins with.
func kindOf(raw []byte) (bpfRingKind, error) {
	if len(raw) < 4 {
		return 0, fmt.Errorf("%w: %d bytes", errShort, len(raw))
	}
	kind := bpfRingKind(binary.NativeEndian.Uint32(raw))
	if kind != bpfRingKindRING_HELLO && kind != bpfRingKindRING_HANDSHAKE {
		return 0, fmt.Errorf("%w: %d", errUnknown, kind)
	}
	return kind, nil
}

func (h *bpfHandshake) has(flag bpfHandshakeFlag) bool { return h.Flags&uint32(flag) != 0 }

func (h *bpfHandshake) isClient() bool { return bpfRole(h.Role) == bpfRoleROLE_CLIENT }

func (s *bpfStream) has(flag bpfStreamFlag) bool { return s.Flags&uint16(flag) != 0 }
