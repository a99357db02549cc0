package main

import "strings"

// policy decides what becomes of a packet. It is used by one goroutine.
type policy interface {
	// pass returns what is sent now that packet has come.
	pass(packet []byte) [][]byte
	// flush returns what was held back for long enough.
	flush() [][]byte
}

// policyFor returns the policy for packets that this side sends.
func policyFor(name, side string) policy {
	kind, where, _ := strings.Cut(name, "-")
	if where != side && where != "both" {
		return new(straight)
	}
	switch kind {
	case "swap":
		return &swap{after: 1}
	case "late":
		return &swap{after: 2}
	case "dup":
		return new(duplicate)
	case "drop":
		return &drop{seen: make(map[uint32]bool)}
	}
	return new(straight)
}

// straight passes everything on.
type straight struct{}

func (*straight) pass(packet []byte) [][]byte { return [][]byte{packet} }
func (*straight) flush() [][]byte             { return nil }

// swap holds a data segment back until so many other packets have gone.
type swap struct {
	after int
	held  []byte
	gone  int
}

func (s *swap) pass(packet []byte) [][]byte {
	if _, n := payloadLen(packet); n > 0 && s.held == nil {
		s.held, s.gone = packet, 0
		return nil
	}
	if s.gone++; s.gone < s.after {
		return [][]byte{packet}
	}
	return append([][]byte{packet}, s.flush()...)
}

func (s *swap) flush() [][]byte {
	if s.held == nil {
		return nil
	}
	held := s.held
	s.held = nil
	return [][]byte{held}
}

// duplicate sends each data segment twice.
type duplicate struct{ straight }

func (*duplicate) pass(packet []byte) [][]byte {
	if _, n := payloadLen(packet); n > 0 {
		return [][]byte{packet, packet}
	}
	return [][]byte{packet}
}

// drop loses the first copy of every second data segment.
type drop struct {
	straight
	seen map[uint32]bool // by sequence number
}

func (d *drop) pass(packet []byte) [][]byte {
	seq, n := payloadLen(packet)
	if n == 0 || d.seen[seq] {
		return [][]byte{packet}
	}
	d.seen[seq] = true
	if len(d.seen)%2 == 1 {
		return nil
	}
	return [][]byte{packet}
}
