package library

import (
	"encoding/binary"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// loadsX86 returns where the instructions end that load one of the addresses: mov r32, imm32 or lea r64, [rip+disp32]. The
// number is the end of both, whatever comes before it.
func loadsX86(code []byte, addr uint64, names []uint64) []uint64 {
	var found []uint64
	for i := 3; i+4 <= len(code); i++ {
		var name uint64
		switch {
		case code[i-1]&0xf8 == 0xb8:
			name = uint64(binary.LittleEndian.Uint32(code[i:]))
		case code[i-1]&0xc7 == 0x05 && code[i-2] == 0x8d && code[i-3]&0xfb == 0x48:
			name = addr + uint64(i+4) + displacement(code[i:])
		}
		if name != 0 && slices.Contains(names, name) {
			found = append(found, addr+uint64(i+4))
		}
	}
	return found
}

// instructionX86 is an instruction and where it begins.
type instructionX86 struct {
	x86asm.Inst
	addr uint64
}

func (in instructionX86) end() uint64 { return in.addr + uint64(in.Len) }

// decodeX86 decodes from where an instruction begins to the function's end, or to what is no instruction.
func decodeX86(code []byte, addr uint64) []instructionX86 {
	var all []instructionX86
	for {
		in, err := x86asm.Decode(code, 64)
		if err != nil || in.Op == x86asm.RET || in.Op == x86asm.INT {
			return all
		}
		all = append(all, instructionX86{in, addr})
		code, addr = code[in.Len:], addr+uint64(in.Len)
	}
}

// resultX86 looks for: mov rdi, ctx; call X509_verify_cert; movsxd rdi, [ctx+n]; ...; mov [session+m], rdi; ...; test; jle.
func (v verifier) resultX86(addr uint64, code []byte) (uint64, bool) {
	all := decodeX86(code, addr)
	for i, in := range all {
		from, ok := in.Args[1].(x86asm.Mem)
		if in.Op != x86asm.MOVSXD || in.Args[0] != x86asm.RDI || !ok || from.Index != 0 || from.Base == x86asm.RIP {
			continue
		}
		if v.verifiedX86(all[:i], from.Base) && keepsX86(all[i+1:]) {
			return in.end(), true
		}
	}
	return 0, false
}

// verifiedX86 says that the instructions end in a call of X509_verify_cert with what is in a register, or with one
// instruction after it, which keeps what it returned.
func (v verifier) verifiedX86(all []instructionX86, ctx x86asm.Reg) bool {
	if n := len(all); n > 0 && all[n-1].Op == x86asm.MOV && all[n-1].Args[1] == x86asm.EAX {
		all = all[:n-1]
	}
	n := len(all)
	if n < 2 || all[n-1].Op != x86asm.CALL {
		return false
	}
	move, call := all[n-2], all[n-1]
	to, ok := call.Args[0].(x86asm.Rel)
	return ok && move.Op == x86asm.MOV && move.Args[0] == x86asm.RDI && move.Args[1] == ctx &&
		v.isVerifyCertX86(call.end()+uint64(int64(to)))
}

// isVerifyCertX86 says that a function names the source file of X509_verify_cert for errors that it raises soon.
func (v verifier) isVerifyCertX86(addr uint64) bool {
	for _, in := range decodeX86(v.img.Bytes(addr, longestNaming), addr) {
		switch from := in.Args[1].(type) {
		case x86asm.Imm:
			if in.Op == x86asm.MOV && in.Args[0] == x86asm.ECX && v.isNamed(uint64(uint32(from)), verifyCertName) {
				return true
			}
		case x86asm.Mem:
			if in.Op == x86asm.LEA && in.Args[0] == x86asm.RCX && from.Base == x86asm.RIP &&
				v.isNamed(in.end()+uint64(from.Disp), verifyCertName) {
				return true
			}
		}
	}
	return false
}

// keepsX86 says that the result in RDI is stored as 64 bits, and that then what the call returned is branched on, above 0 or not.
func keepsX86(all []instructionX86) bool {
	for i, in := range all[:min(len(all), storedWithin)] {
		if to, ok := in.Args[0].(x86asm.Mem); ok && in.Op == x86asm.MOV && in.Args[1] == x86asm.RDI && to.Base != x86asm.RSP {
			return branchesX86(all[i+1:])
		}
	}
	return false
}

func branchesX86(all []instructionX86) bool {
	for i := 0; i+1 < min(len(all), storedWithin); i++ {
		if all[i].Op == x86asm.TEST && all[i].Args[0] == all[i].Args[1] {
			return all[i+1].Op == x86asm.JLE || all[i+1].Op == x86asm.JG
		}
	}
	return false
}
