package library

import "encoding/binary"

// Instructions of A64 that matter here (Arm ARM, section C6.2). Arguments are in X0 to X7 (AAPCS64).
const (
	armAddX3, armAddX3Mask = 0x91000003, 0xffc0001f // add x3, xN, #imm12
	armAdrX3, armAdrMask   = 0x10000003, 0x9f00001f // adr x3, label
	armAdrp, armAdrpMask   = 0x90000000, 0x9f000000 // adrp xN, page
	armCall, armCallMask   = 0x94000000, 0xfc000000 // bl label
)

// errorCallsAArch64 is [errorCalls] for A64: ADRP and ADD, or ADR, into X3, then BL. start is that of an instruction.
func errorCallsAArch64(code []byte, start, end int, addr uint64, names *sources, visit func(errorCall)) {
	for i := start; i < end && i+4 <= len(code); i += 4 {
		if code[i]&31 != 3 { // no X3, as almost everywhere
			continue
		}
		word := binary.LittleEndian.Uint32(code[i:])
		var loaded uint64
		switch {
		case word&armAddX3Mask == armAddX3:
			loaded = pageBefore(code, i, addr, word>>5&31) + uint64(word>>10&0xfff)
		case word&armAdrMask == armAdrX3:
			loaded = addr + uint64(i) + adrOffset(word)
		default:
			continue
		}
		if names.at(loaded) {
			if target, ok := calledAArch64(code, i+4, addr); ok {
				visit(errorCall{name: loaded, loaded: addr + uint64(i+4), target: target})
			}
		}
	}
}

// pageBefore is the page that the last ADRP before i put into a register, 0 if there is none near.
func pageBefore(code []byte, i int, addr uint64, register uint32) uint64 {
	for j := i - 4; j >= max(0, i-callWindow); j -= 4 {
		word := binary.LittleEndian.Uint32(code[j:])
		if word&armAdrpMask == armAdrp && word&31 == register {
			return (addr+uint64(j))&^0xfff + adrOffset(word)<<12
		}
	}
	return 0
}

// adrOffset is the signed immediate of ADR, in bytes, or ADRP, in pages.
func adrOffset(word uint32) uint64 {
	return uint64(int64(int32(word<<8)>>13<<2 | int32(word>>29&3)))
}

// calledAArch64 is the target of the first call after a load.
func calledAArch64(code []byte, from int, addr uint64) (uint64, bool) {
	for i := from; i < from+callWindow-8 && i+4 <= len(code); i += 4 {
		word := binary.LittleEndian.Uint32(code[i:])
		if word&armCallMask == armCall {
			return addr + uint64(i) + uint64(int64(int32(word<<6)>>4)), true
		}
	}
	return 0, false
}
