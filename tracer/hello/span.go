package hello

import (
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// How reading can end before its time, beside ErrMalformed. Both mean that a value is not there, not that the message is wrong.
var (
	errCut  = errors.New("the capture ends here")
	errLong = errors.New("longer than what is kept")
)

// span is a stretch of a message of which the last bytes may not have been captured.
// It tells a capture that ends too early (errCut) from a length that the message itself does not allow (ErrMalformed).
type span struct {
	have    cryptobyte.String
	missing int // bytes that belong to the span and were not captured
}

// message takes the first handshake message out of data, its header checked and removed. length is that of the whole message
// as its header declares it.
func message(data []byte, kind uint8) (body span, length int, err error) {
	in := span{have: data, missing: 1 << 24}
	var got uint8
	if in.uint8(&got) != nil || got != kind {
		return span{}, 0, ErrNotHello
	}
	var size uint32
	if !in.have.ReadUint24(&size) {
		return span{}, 0, errCut
	}
	if size > maxHello {
		return span{}, 0, ErrMalformed
	}
	err = in.take(int(size), &body)
	return body, headerBytes + int(size), err
}

func (s *span) empty() bool {
	return len(s.have) == 0 && s.missing == 0
}

// end says whether everything was read.
func (s *span) end() error {
	if s.empty() {
		return nil
	}
	return ErrMalformed
}

// short says why n bytes could not be read.
func (s *span) short(n int) error {
	if n <= len(s.have)+s.missing {
		return errCut
	}
	return ErrMalformed
}

func (s *span) uint8(out *uint8) error {
	if s.have.ReadUint8(out) {
		return nil
	}
	return s.short(1)
}

func (s *span) uint16(out *uint16) error {
	if s.have.ReadUint16(out) {
		return nil
	}
	return s.short(2)
}

// take moves the next n bytes to out. If only the first of them were captured, out gets those, and misses the rest.
func (s *span) take(n int, out *span) error {
	if n > len(s.have)+s.missing {
		return ErrMalformed
	}
	there := min(n, len(s.have))
	*out = span{missing: n - there}
	s.missing -= out.missing
	s.have.ReadBytes((*[]byte)(&out.have), there)
	return nil
}

// vector8 takes what follows a length of one byte.
func (s *span) vector8(out *span) error {
	var n uint8
	if err := s.uint8(&n); err != nil {
		return err
	}
	return s.take(int(n), out)
}

// vector16 takes what follows a length of two bytes.
func (s *span) vector16(out *span) error {
	var n uint16
	if err := s.uint16(&n); err != nil {
		return err
	}
	return s.take(int(n), out)
}

// numbers appends the span's 16 bit numbers to list, GREASE left out, and no more than limit of them.
func (s *span) numbers(list []uint16, limit int) ([]uint16, error) {
	limit += len(list)
	for len(s.have) >= 2 {
		n := binary.BigEndian.Uint16(s.have)
		s.have = s.have[2:]
		if grease(n) {
			continue
		}
		if len(list) == limit {
			return list, errLong
		}
		list = append(list, n)
	}
	if s.empty() {
		return list, nil
	}
	return list, s.short(2)
}

// extensions calls visit for each extension of the block that ends the message s.
func (s *span) extensions(visit func(kind uint16, body span) error) error {
	if s.empty() { // TLS 1.2 allows a hello without (RFC 5246 section 7.4.1.2)
		return nil
	}
	var block span
	if err := s.vector16(&block); err != nil {
		return err
	}
	malformed, err := block.each(visit)
	switch {
	case malformed:
		return ErrMalformed
	case err != nil:
		return err
	}
	return s.end()
}

// each calls visit for each extension. It goes on after one that is malformed inside, because the lengths around it still hold;
// err says why it could not go on.
func (s *span) each(visit func(kind uint16, body span) error) (malformed bool, err error) {
	var seen kinds
	for !s.empty() {
		var kind uint16
		var body span
		if err := s.uint16(&kind); err != nil {
			return malformed, err
		}
		if err := s.vector16(&body); err != nil {
			return malformed, err
		}
		if !seen.add(kind) {
			malformed = true
			continue
		}
		err := visit(kind, body)
		if errors.Is(err, errCut) {
			return malformed, err
		}
		malformed = malformed || err != nil
	}
	return malformed, nil
}

// kinds is the set of extension types seen so far, of those below 64: all that are read are among them.
type kinds uint64

// add says whether kind is new: a second extension of one type is forbidden (RFC 8446 section 4.2).
func (k *kinds) add(kind uint16) bool {
	if kind >= 64 {
		return true
	}
	bit := kinds(1) << kind
	isNew := *k&bit == 0
	*k |= bit
	return isNew
}
