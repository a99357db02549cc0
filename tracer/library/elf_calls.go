package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"

	"golang.org/x/arch/x86/x86asm"
)

// site is a place in the code that calls a function, jumps to it, or loads its address from the GOT for that.
type site struct {
	at uint64 // address of the instruction
	to uint64 // the function's address, or the address of the GOT entry if indirect
	// indirect says that to is an entry of the GOT.
	indirect bool
}

// callers returns the places that call the function of that name: defined here or imported, through the PLT or past it
// (-fno-plt), and by tail calls.
func (img *Image) callers(name string) []uint64 {
	entries, slots := map[uint64]bool{}, map[uint64]bool{}
	if addr, ok := img.Symbol(name); ok {
		entries[addr] = true
	}
	for _, slot := range img.slots(name) {
		slots[slot] = true
	}
	var indirect []site
	img.sites(func(s site) {
		if s.indirect && slots[s.to] && len(indirect) < maxCallers {
			indirect = append(indirect, s)
		}
	})
	var found []uint64
	for _, s := range indirect {
		if stub, ok := img.stub(s.at); ok {
			entries[stub] = true
		} else {
			found = append(found, s.at)
		}
	}
	return append(found, img.callersOf(entries)...)
}

// maxCallers bounds what is kept of a file that consists of calls.
const maxCallers = 1 << 16

// callersOf returns the places that call or jump directly to one of the entries.
func (img *Image) callersOf(entries map[uint64]bool) []uint64 {
	if len(entries) == 0 {
		return nil
	}
	var found []uint64
	img.sites(func(s site) {
		if !s.indirect && entries[s.to] && len(found) < maxCallers {
			found = append(found, s.at)
		}
	})
	return found
}

// sites calls visit for everything in the code that looks like a call. On amd64 every byte may start an instruction, so some
// of it is none; what is looked for is so rare among 2^32 targets that this does not matter.
func (img *Image) sites(visit func(site)) {
	for _, s := range img.Executable() {
		// A segment that cannot be read to its end has shown what it has.
		switch img.Machine() {
		case elf.EM_X86_64:
			_ = img.Walk(s, longestCallAMD64-1, func(addr uint64, code []byte) bool { sitesAMD64(addr, code, visit); return true })
		case elf.EM_AARCH64:
			_ = img.Walk(s, pairARM64-4, func(addr uint64, code []byte) bool { sitesARM64(addr, code, visit); return true })
		}
	}
}

// longestCallAMD64 is the length of CALL [RIP+disp32].
const longestCallAMD64 = 6

func sitesAMD64(addr uint64, code []byte, visit func(site)) {
	relative := func(at, length int) uint64 {
		disp := int32(binary.LittleEndian.Uint32(code[at+length-4:]))
		return addr + uint64(at+length) + uint64(int64(disp))
	}
	for i := 0; i+longestCallAMD64 <= len(code); i++ {
		switch code[i] {
		case 0xe8, 0xe9: // CALL rel32, JMP rel32
			visit(site{at: addr + uint64(i), to: relative(i, 5)})
		case 0xff: // CALL [RIP+disp32], JMP [RIP+disp32]
			if code[i+1] == 0x15 || code[i+1] == 0x25 {
				visit(site{at: addr + uint64(i), to: relative(i, 6), indirect: true})
			}
		}
	}
}

// pairARM64 is how far an LDR is looked for behind its ADRP, in bytes.
const pairARM64 = 32

func sitesARM64(addr uint64, code []byte, visit func(site)) {
	for i := int(-addr & 3); i+pairARM64 <= len(code); i += 4 {
		instruction, at := binary.LittleEndian.Uint32(code[i:]), addr+uint64(i)
		switch {
		case instruction&0x7c000000 == 0x14000000: // B, BL imm26
			visit(site{at: at, to: at + uint64(int64(int32(instruction<<6)>>6)*4)})
		case instruction&0x9f000000 == 0x90000000: // ADRP Xd
			if slot, ok := loadedARM64(at, code[i:i+pairARM64]); ok {
				visit(site{at: at, to: slot, indirect: true})
			}
		}
	}
}

// loadedARM64 returns the address that the ADRP at the start of code and the LDR Xt, [Xd, #imm] soon after it read from.
func loadedARM64(at uint64, code []byte) (uint64, bool) {
	adrp := binary.LittleEndian.Uint32(code)
	pages := int64(int32(adrp<<8)>>13)<<2 | int64(adrp>>29&3) // immhi:immlo, signed
	base := at&^0xfff + uint64(pages<<12)
	for rest := code[4:]; len(rest) >= 4; rest = rest[4:] {
		load := binary.LittleEndian.Uint32(rest)
		if load&0xffc00000 == 0xf9400000 && load>>5&31 == adrp&31 {
			return base + uint64(load>>10&0xfff)*8, true
		}
	}
	return 0, false
}

// stub says that the indirect jump at that address is a stub of the PLT, and where the stub begins.
func (img *Image) stub(at uint64) (entry uint64, ok bool) {
	switch img.Machine() {
	case elf.EM_X86_64:
		return img.stubAMD64(at)
	case elf.EM_AARCH64:
		return img.stubARM64(at)
	}
	return 0, false
}

// stubAMD64 knows JMP [RIP+disp32], which MPX marked by a prefix (BND) and CET begins with ENDBR64.
func (img *Image) stubAMD64(at uint64) (uint64, bool) {
	if code := img.Bytes(at, 2); len(code) < 2 || code[1] != 0x25 {
		return 0, false
	}
	if img.has(at-1, []byte{0xf2}) {
		at--
	}
	if img.has(at-4, endbr64) {
		at -= 4
	}
	return at, true
}

// stubARM64 knows ADRP X16; LDR X17, [X16, #imm]; ADD X16, X16, #imm; BR X17, which may begin with BTI C.
func (img *Image) stubARM64(at uint64) (uint64, bool) {
	if !img.has(at+12, []byte{0x20, 0x02, 0x1f, 0xd6}) { // BR X17
		return 0, false
	}
	if img.has(at-4, btiC) {
		at -= 4
	}
	return at, true
}

// The instructions that mark where an indirect call may land.
var (
	endbr64 = []byte{0xf3, 0x0f, 0x1e, 0xfa}
	btiC    = []byte{0x5f, 0x24, 0x03, 0xd5}
)

// isCall says that there is a direct call, or jump, at an address in the function that begins at another. On amd64 it is decoded from there: a
// probe in the middle of an instruction would make another of it.
func (img *Image) isCall(begin, at uint64) bool {
	switch img.Machine() {
	case elf.EM_X86_64:
		return endsInCallAMD64(img.Bytes(begin, int(at-begin)+nearCallAMD64))
	case elf.EM_AARCH64:
		code := img.Bytes(at, 4)
		return len(code) == 4 && binary.LittleEndian.Uint32(code)&0x7c000000 == 0x14000000 // B, BL imm26
	}
	return false
}

// nearCallAMD64 is the length of CALL rel32 and of JMP rel32.
const nearCallAMD64 = 5

// endsInCallAMD64 says that the last instruction is one of those two.
func endsInCallAMD64(code []byte) bool {
	for len(code) > nearCallAMD64 {
		n := lengthAMD64(code)
		if n == 0 || n > len(code) {
			return false
		}
		code = code[n:]
	}
	return len(code) == nearCallAMD64 && (code[0] == 0xe8 || code[0] == 0xe9)
}

// lengthAMD64 is the length of the first instruction, 0 if it is not known.
func lengthAMD64(code []byte) int {
	if bytes.HasPrefix(code, endbr64) {
		return len(endbr64)
	}
	if n := vectorLength(code); n > 0 {
		return n
	}
	in, err := x86asm.Decode(code, 64)
	if err != nil {
		return 0
	}
	return in.Len
}

// has says that those bytes are at an address.
func (img *Image) has(addr uint64, want []byte) bool {
	return bytes.Equal(img.Bytes(addr, len(want)), want)
}
