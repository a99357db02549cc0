package library

import (
	"debug/elf"
	"strings"
)

// votes counts, by the address of the function that is called, the calls that get the name of a source file as 4th argument.
type votes map[uint64]int

// Bounds of a count of votes.
const (
	callWindow = 96 // bytes of code from the start of a load to the end of the call; whole instructions of A64
	maxTargets = 1 << 14
	maxPlaces  = 64 // that name one file
	minVotes   = 24 // BoringSSL's ssl folder has some 700 such calls
	minMargin  = 4  // how many times the votes of the next best
)

// errorCall is a load of a source file's name into the register of the 4th argument, and the next call after it. All three are
// addresses.
type errorCall struct {
	name   uint64
	loaded uint64 // where the instruction after the load begins
	target uint64 // the function that is called
}

// errorCalls finds the calls in a segment's piece of code, which is at addr. It looks at loads from start to end; what is around
// is there for the rest.
type errorCalls func(code []byte, start, end int, addr uint64, names *sources, visit func(errorCall))

// noting is a search that notes, too, where a source file is named by a call: a few places, however the file is called.
func (find errorCalls) noting(file string, places *[]uint64) errorCalls {
	return func(code []byte, start, end int, addr uint64, names *sources, visit func(errorCall)) {
		find(code, start, end, addr, names, func(c errorCall) {
			visit(c)
			if strings.HasSuffix(names.names[c.name], "/"+file) && len(*places) < maxPlaces {
				*places = append(*places, c.loaded)
			}
		})
	}
}

// errorCallsOf knows two processors.
func errorCallsOf(m elf.Machine) (errorCalls, bool) {
	switch m {
	case elf.EM_X86_64:
		return errorCallsX86, true
	case elf.EM_AARCH64:
		return errorCallsAArch64, true
	}
	return nil, false
}

// countCalls lets every error call in the file vote.
func countCalls(img *Image, names *sources, find errorCalls) (votes, error) {
	counted, code, left := votes{}, img.Executable(), uint64(maxSearch)
	vote := func(c errorCall) {
		if _, known := counted[c.target]; (known || len(counted) < maxTargets) && within(code, c.target) {
			counted[c.target]++
		}
	}
	for _, s := range code {
		if s.Size > left {
			break
		}
		left -= s.Size
		err := img.Walk(s, 2*callWindow, func(addr uint64, piece []byte) bool {
			start, end := callWindow, len(piece)-callWindow // the windows are in two pieces
			if addr == s.Addr {
				start = 0
			}
			if addr+uint64(len(piece)) == s.Addr+s.Size {
				end = len(piece)
			}
			find(piece, start, end, addr, names, vote)
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return counted, nil
}

func within(code []Segment, addr uint64) bool {
	for _, s := range code {
		if addr-s.Addr < s.Size {
			return true
		}
	}
	return false
}

// majority is the function that most calls go to.
type majority struct {
	target      uint64
	votes, next int // next is what the second best has
}

func (v votes) best() majority {
	var m majority
	for target, n := range v {
		switch {
		case n > m.votes:
			m = majority{target: target, votes: n, next: m.votes}
		case n > m.next:
			m.next = n
		}
	}
	return m
}

// clear says that it can be no coincidence.
func (m majority) clear() bool { return m.votes >= minVotes && m.votes >= minMargin*m.next }
