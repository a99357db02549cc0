package library

import (
	"debug/elf"
	"errors"
	"slices"
	"testing"
)

// Lengths as an assembler makes them: x86asm knows none of these.
func TestVectorLength(t *testing.T) {
	for _, c := range []struct {
		name string
		code []byte
		want int
	}{
		{"vzeroupper", []byte{0xc5, 0xf8, 0x77, 0x90, 0x90}, 3},
		{"shlx rax, rcx, rdx", []byte{0xc4, 0xe2, 0xe9, 0xf7, 0xc1}, 5},
		{"shlx rax, [rsp+0x40], rdx", []byte{0xc4, 0xe2, 0xe9, 0xf7, 0x44, 0x24, 0x40}, 7},
		{"shlx rax, [rcx+rdx*8+0x100], rbx", []byte{0xc4, 0xe2, 0xe1, 0xf7, 0x84, 0xd1, 0, 1, 0, 0}, 10},
		{"shlx rax, [rdx*8+0x100], rbx", []byte{0xc4, 0xe2, 0xe1, 0xf7, 0x04, 0xd5, 0, 1, 0, 0}, 10},
		{"shlx rax, [rip+0xc3c3c3c3], rbx", []byte{0xc4, 0xe2, 0xe1, 0xf7, 0x05, 0xc3, 0xc3, 0xc3, 0xc3}, 9},
		{"rorx rax, rcx, 7", []byte{0xc4, 0xe3, 0xfb, 0xf0, 0xc1, 0x07}, 6},
		{"vpshufd xmm0, xmm1, 0xc3", []byte{0xc5, 0xf9, 0x70, 0xc1, 0xc3}, 5},
		{"vmovdqu ymm0, [rax]", []byte{0xc5, 0xfe, 0x6f, 0x00, 0x90}, 4},
		{"ret", []byte{0xc3, 0x90, 0x90, 0x90, 0x90}, 0},
		{"cut off", []byte{0xc4, 0xe2, 0xe9}, 0},
	} {
		if got := vectorLength(c.code); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

// A byte C3 inside an instruction is no RET.
func TestReturnsAreInstructions(t *testing.T) {
	code := goCode{addr: 0x1000, machine: elf.EM_X86_64, bytes: []byte{
		0x48, 0x89, 0xc3, // mov rbx, rax
		0xc4, 0xe2, 0xe1, 0xf7, 0x05, 0xc3, 0xc3, 0xc3, 0xc3, // shlx rax, [rip+0xc3c3c3c3], rbx
		0xc3,       // ret
		0xcc, 0xcc, // padding
	}}
	got, err := code.returns()
	if err != nil || !slices.Equal(got, []uint64{0x100c}) {
		t.Errorf("RET at %#x, %v, want 0x100c", got, err)
	}
	code.bytes = []byte{0x06, 0xc3} // no instruction in 64-bit mode
	if got, err := code.returns(); !errors.Is(err, ErrMalformed) {
		t.Errorf("RET at %#x, %v, want %v", got, err, ErrMalformed)
	}
}

func TestPagesOfADRP(t *testing.T) {
	for _, c := range []struct {
		word uint32 // as clang assembles it
		want int64
	}{
		{0x90000000, 0},
		{0xb0000001, 0x1000},
		{0xf0ffffe2, -0x1000},
		{0x90800003, -1 << 32},
	} {
		if got := int64(armPages(c.word)); got != c.want {
			t.Errorf("%#x: %#x, want %#x", c.word, got, c.want)
		}
	}
}
