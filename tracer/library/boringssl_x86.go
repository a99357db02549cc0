package library

import (
	"bytes"
	"encoding/binary"
)

// Instructions of x86-64 that matter here (Intel SDM volume 2). Arguments are in RDI, RSI, RDX, RCX, R8 (System V psABI).
const (
	x86MovECX  = 0xb9 // mov ecx, imm32: an address below 4 GB, in files that are not position independent
	x86LeaRCX  = 0x0d // ModRM of lea rcx, [rip+disp32], after 48 8d
	x86RexB    = 0x41 // before b9 it makes it r9d
	x86Call    = 0xe8 // call rel32
	x86CallLen = 5
)

// errorCallsX86 is [errorCalls] for x86-64. It searches for the one byte of each load that is rarest in code.
func errorCallsX86(code []byte, start, end int, addr uint64, names *sources, visit func(errorCall)) {
	load := func(i int, name uint64) {
		if !names.at(name) {
			return
		}
		if target, ok := calledX86(code, i, addr); ok {
			visit(errorCall{name: name, loaded: addr + uint64(i), target: target})
		}
	}
	eachByte(code, start, end, x86MovECX, func(i int) {
		if i+5 <= len(code) && (i == 0 || code[i-1] != x86RexB) {
			load(i+5, uint64(binary.LittleEndian.Uint32(code[i+1:])))
		}
	})
	eachByte(code, start+2, end+2, x86LeaRCX, func(i int) {
		if i+5 > len(code) || code[i-1] != 0x8d || code[i-2] != 0x48 {
			return
		}
		load(i+5, addr+uint64(i+5)+displacement(code[i+1:]))
	})
}

// eachByte calls visit with every index from start to end at which code holds b.
func eachByte(code []byte, start, end int, b byte, visit func(i int)) {
	end = min(end, len(code))
	for at := start; at < end; at++ {
		next := bytes.IndexByte(code[at:end], b)
		if next < 0 {
			return
		}
		at += next
		visit(at)
	}
}

// calledX86 is the target of the first call after a load. It does not decode what lies between, so that an e8 inside another
// instruction may be taken for a call: such votes are lost, but scattered.
func calledX86(code []byte, from int, addr uint64) (uint64, bool) {
	window := code[from:min(len(code), from+callWindow-8)]
	i := bytes.IndexByte(window, x86Call)
	if i < 0 || i+x86CallLen > len(window) {
		return 0, false
	}
	return addr + uint64(from+i+x86CallLen) + displacement(window[i+1:]), true
}

// displacement is a signed 32 bit number, extended so that adding it to an address works.
func displacement(b []byte) uint64 {
	return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
}
