package tracer

import (
	"bytes"
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

// helloHeader is the length of what comes before the bytes of a hello: kind, length, cookie.
const helloHeader = 16

// readHello decodes a RING_CLIENT_HELLO or RING_SERVER_HELLO record. The bytes are a copy.
func readHello(raw []byte) (cookie uint64, message []byte, err error) {
	if len(raw) < helloHeader {
		return 0, nil, fmt.Errorf("%w: %d bytes of %d", errShort, len(raw), helloHeader)
	}
	n := uint64(binary.NativeEndian.Uint32(raw[4:]))
	if n > uint64(len(raw)-helloHeader) {
		return 0, nil, fmt.Errorf("%w: %d bytes of a hello of %d", errShort, len(raw)-helloHeader, n)
	}
	return binary.NativeEndian.Uint64(raw[8:]), bytes.Clone(raw[helloHeader : helloHeader+n]), nil
}

// readHandshake decodes a RING_HANDSHAKE record into h.
func readHandshake(raw []byte, h *bpfHandshake) error {
	return fill(unsafe.Slice((*byte)(unsafe.Pointer(h)), unsafe.Sizeof(*h)), raw)
}

// readProcess decodes a RING_PROCESS record.
func readProcess(raw []byte) (pid int, err error) {
	var p bpfProcess
	err = fill(unsafe.Slice((*byte)(unsafe.Pointer(&p)), unsafe.Sizeof(p)), raw)
	return int(p.Pid), err
}

// readNotice decodes a RING_CGROUP record.
func readNotice(raw []byte) (notice, error) {
	var n bpfCgroupNotice
	if err := fill(unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n)), raw); err != nil {
		return notice{}, err
	}
	why := WhySuspect
	if bpfNotice(n.Notice) == bpfNoticeNOTICE_NEW {
		why = WhyNew
	}
	return notice{cgroup: n.Cgroup, why: why}, nil
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
	if kind < bpfRingKindRING_CLIENT_HELLO || kind > bpfRingKindRING_CGROUP {
		return 0, fmt.Errorf("%w: %d", errUnknown, kind)
	}
	return kind, nil
}

func (h *bpfHandshake) has(flag bpfHandshakeFlag) bool { return h.Flags&uint32(flag) != 0 }

func (h *bpfHandshake) isClient() bool { return bpfRole(h.Role) == bpfRoleROLE_CLIENT }

func (s *bpfStream) has(flag bpfStreamFlag) bool { return s.Flags&uint16(flag) != 0 }
