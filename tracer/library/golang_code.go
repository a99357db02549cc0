package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// goReceiver is where, above the stack pointer at a RET, ABIInternal has the room in which a callee may keep its first argument: on amd64
// the return address is below it, on arm64 the saved link register of whoever is called next.
const goReceiver = 8

// maxReceiver bounds it with arguments on the stack: a probe is told 12 bits of it.
const maxReceiver = 0xfff

// goCode is the code of one function that Go's compiler made: instructions only, its jump tables lie elsewhere.
type goCode struct {
	addr    uint64
	bytes   []byte
	machine elf.Machine
}

// returns lists the addresses of the RET instructions.
func (c goCode) returns() ([]uint64, error) {
	var found []uint64
	if c.machine == elf.EM_AARCH64 {
		c.eachARM64(func(addr uint64, word uint32) {
			if word == armRET {
				found = append(found, addr)
			}
		})
		return found, nil
	}
	err := c.eachAMD64(func(addr uint64, in x86asm.Inst) {
		if in.Op == x86asm.RET {
			found = append(found, addr)
		}
	})
	return found, err
}

// maxPrologue is how many instructions a function takes to see whether its stack has room.
const maxPrologue = 6

// start returns the address of the first instruction after the check of the stack's room, where the arguments are still in their registers: a
// function whose stack is too small has it grown (runtime.morestack) and starts all over, and a probe at its very entry
// would be hit twice.
func (c goCode) start() uint64 {
	start, seen := c.addr, 0
	check := func(next uint64, isCheck bool) {
		if seen++; isCheck && seen <= maxPrologue && start == c.addr {
			start = next
		}
	}
	if c.machine == elf.EM_AARCH64 {
		c.eachARM64(func(addr uint64, word uint32) { check(addr+4, word&0xff00001f == armBLS) })
		return start
	}
	// Up to what cannot be decoded.
	_ = c.eachAMD64(func(addr uint64, in x86asm.Inst) { check(addr+uint64(in.Len), in.Op == x86asm.JBE) })
	return start
}

// receiver returns where, above the stack pointer at a RET, the function keeps its first argument once its frame is made: the compiler does when
// it needs the value across calls, in the room that ABIInternal has for that above the arguments on the stack. It returns 0 if
// it does not, or too far away.
func (c goCode) receiver() uint32 {
	if c.machine == elf.EM_AARCH64 {
		return c.receiverARM64()
	}
	return c.receiverAMD64()
}

func (c goCode) receiverARM64() (at uint32) {
	var frame uint32
	c.eachARM64(func(_ uint64, word uint32) {
		if word&0xffc003ff == armSUBFromSP && frame == 0 {
			frame = word >> 10 & 0xfff
		}
		if word&0xffc003ff == armSTRFirst && at == 0 && frame != 0 {
			at = above(int64(word>>10&0xfff)*8, int64(frame))
		}
	})
	return at
}

func (c goCode) receiverAMD64() (at uint32) {
	var frame int64
	err := c.eachAMD64(func(_ uint64, in x86asm.Inst) {
		if size, ok := in.Args[1].(x86asm.Imm); ok && in.Op == x86asm.SUB && in.Args[0] == x86asm.RSP && frame == 0 {
			frame = int64(size) + 8 // RBP was pushed before
		}
		to, ok := in.Args[0].(x86asm.Mem)
		if ok && at == 0 && frame != 0 && in.Op == x86asm.MOV && in.Args[1] == x86asm.RAX && to.Base == x86asm.RSP && to.Index == 0 {
			at = above(to.Disp, frame)
		}
	})
	if err != nil {
		return 0
	}
	return at
}

// above is how far a slot is above a frame, 0 if it is in the frame or further than a probe is told.
func above(slot, frame int64) uint32 {
	if slot < frame+goReceiver || slot-frame > maxReceiver {
		return 0
	}
	return uint32(slot - frame)
}

// smallIntegers returns the address of runtime.staticuint64s, 256 words that hold 0 to 255, which the function refers to when it
// makes an interface of a byte; 0 if it is not found.
func (c goCode) smallIntegers(img *Image) uint64 {
	want := smallIntegers()
	for _, addr := range c.references() {
		if bytes.Equal(img.Bytes(addr, len(want)), want) {
			return addr
		}
	}
	return 0
}

// smallIntegers is what runtime.staticuint64s holds.
func smallIntegers() []byte {
	var b []byte
	for i := range uint64(256) {
		b = binary.LittleEndian.AppendUint64(b, i)
	}
	return b
}

// references lists the addresses that the function loads relative to itself: LEA on amd64, ADRP and ADD on arm64.
func (c goCode) references() []uint64 {
	var found []uint64
	if c.machine == elf.EM_AARCH64 {
		var page uint64
		var register uint32
		c.eachARM64(func(addr uint64, word uint32) {
			switch {
			case word&0x9f000000 == armADRP:
				page, register = addr&^0xfff+armPages(word), word&31
			case word&0xffc00000 == armADD && word>>5&31 == register && page != 0:
				found = append(found, page+uint64(word>>10&0xfff))
			}
		})
		return found
	}
	// Up to what cannot be decoded.
	_ = c.eachAMD64(func(addr uint64, in x86asm.Inst) {
		if from, ok := in.Args[1].(x86asm.Mem); ok && in.Op == x86asm.LEA && from.Base == x86asm.RIP {
			found = append(found, addr+uint64(in.Len)+uint64(from.Disp))
		}
	})
	return found
}

// eachAMD64 visits the instructions in their order.
func (c goCode) eachAMD64(visit func(addr uint64, in x86asm.Inst)) error {
	for at := 0; at < len(c.bytes); {
		if n := vectorLength(c.bytes[at:]); n > 0 {
			at += n
			continue
		}
		in, err := x86asm.Decode(c.bytes[at:], 64)
		if err != nil {
			return fmt.Errorf("%w: instruction at %#x: %w", ErrMalformed, c.addr+uint64(at), err)
		}
		visit(c.addr+uint64(at), in)
		at += in.Len
	}
	return nil
}

// The arm64 instructions that are looked for. They have one encoding each, of four bytes.
const (
	armRET       = 0xd65f03c0 // RET X30
	armBLS       = 0x54000009 // B.LS
	armADRP      = 0x90000000 // ADRP Xd, page
	armADD       = 0x91000000 // ADD Xd, Xn, #imm12
	armSUBFromSP = 0xd10003f4 // SUB X20, SP, #imm12: Go's prologue makes a large frame through X20
	armSTRFirst  = 0xf90003e0 // STR X0, [SP, #imm12*8]
)

// armPages is what an ADRP adds to the page it is on: 21 bits with a sign, in pages.
func armPages(word uint32) uint64 {
	pages := int64(word>>5&0x7ffff)<<2 | int64(word>>29&3)
	return uint64(pages << 43 >> 43 << 12)
}

func (c goCode) eachARM64(visit func(addr uint64, word uint32)) {
	for at := 0; at+4 <= len(c.bytes); at += 4 {
		visit(c.addr+uint64(at), binary.LittleEndian.Uint32(c.bytes[at:]))
	}
}

// vectorLength is the length of an instruction with a VEX prefix, which x86asm does not know and the compiler uses under GOAMD64=v3
// (SHLX, MULX, FMA), or 0 for any other. Intel SDM volume 2, section 2.3: in 64-bit mode C4 and C5 are nothing else.
func vectorLength(b []byte) int {
	var opcode int // its place
	var table byte
	switch {
	case len(b) > 4 && b[0] == 0xc4:
		opcode, table = 3, b[1]&0x1f
	case len(b) > 4 && b[0] == 0xc5:
		opcode, table = 2, 1
	default:
		return 0
	}
	if table == 1 && b[opcode] == 0x77 { // VZEROUPPER has no operands
		return opcode + 1
	}
	n := opcode + 1 + operandLength(b[opcode+1:])
	if table == 3 || table == 1 && hasImmediate(b[opcode]) {
		n++
	}
	return n
}

// hasImmediate says which opcodes of the 0F table end in a byte of immediate.
func hasImmediate(opcode byte) bool {
	return opcode >= 0x70 && opcode <= 0x73 || opcode == 0xc2 || opcode >= 0xc4 && opcode <= 0xc6
}

// operandLength is the length of ModRM, SIB and displacement (Intel SDM volume 2, section 2.1.5).
func operandLength(b []byte) int {
	mode, operand := b[0]>>6, b[0]&7
	n := 1
	if mode != 3 && operand == 4 {
		n++
		if mode == 0 && len(b) > 1 && b[1]&7 == 5 {
			return n + 4
		}
	}
	switch {
	case mode == 1:
		return n + 1
	case mode == 2 || mode == 0 && operand == 5:
		return n + 4
	}
	return n
}
