package library

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// drawn is an ELF file made for a test: constants at constantsAddr, code at codeAddr, and a symbol table if there are symbols.
type drawn struct {
	machine   elf.Machine
	constants []byte
	code      []byte
	symbols   map[string]uint64
}

const (
	constantsAddr = 0x400000
	codeAddr      = 0x800000
	elfHeaders    = 0x1000 // room for the file's and the segments' headers
)

// name puts a C string among the constants and returns its address.
func (d *drawn) name(s string) uint64 {
	if len(d.constants) == 0 {
		d.constants = []byte{0}
	}
	addr := constantsAddr + uint64(len(d.constants))
	d.constants = append(append(d.constants, s...), 0)
	return addr
}

// here is the address of the next instruction.
func (d *drawn) here() uint64 { return codeAddr + uint64(len(d.code)) }

// bytes lays the file out: headers, constants, code, symbol table, strings, section headers.
func (d *drawn) bytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	write := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	table, strs := d.symbolTable(t)
	codeAt := elfHeaders + uint64(len(d.constants))
	tableAt := codeAt + uint64(len(d.code))
	sectionsAt := tableAt + uint64(len(table)+len(strs))
	write(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(d.machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Shoff: sectionsAt, Ehsize: 64, Phentsize: 56, Phnum: 2, Shentsize: 64, Shnum: 4, Shstrndx: 3,
	})
	for _, p := range []elf.Prog64{
		{Flags: uint32(elf.PF_R), Off: elfHeaders, Vaddr: constantsAddr, Filesz: uint64(len(d.constants))},
		{Flags: uint32(elf.PF_R | elf.PF_X), Off: codeAt, Vaddr: codeAddr, Filesz: uint64(len(d.code))},
	} {
		p.Type, p.Memsz = uint32(elf.PT_LOAD), p.Filesz
		write(p)
	}
	b.Write(make([]byte, elfHeaders-b.Len()))
	for _, part := range [][]byte{d.constants, d.code, table, strs} {
		b.Write(part)
	}
	stringsAt := tableAt + uint64(len(table))
	write([]elf.Section64{
		{},
		{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addr: codeAddr, Off: codeAt, Size: uint64(len(d.code))},
		{Type: uint32(elf.SHT_SYMTAB), Off: tableAt, Size: uint64(len(table)), Link: 3, Entsize: 24},
		{Type: uint32(elf.SHT_STRTAB), Off: stringsAt, Size: uint64(len(strs))},
	})
	return b.Bytes()
}

func (d *drawn) symbolTable(t testing.TB) (table, strs []byte) {
	t.Helper()
	var b bytes.Buffer
	strs = []byte{0}
	for _, s := range append([]elf.Sym64{{}}, d.entries(&strs)...) {
		if err := binary.Write(&b, binary.LittleEndian, s); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes(), strs
}

func (d *drawn) entries(strs *[]byte) []elf.Sym64 {
	var all []elf.Sym64
	for name, addr := range d.symbols {
		s := elf.Sym64{Name: uint32(len(*strs)), Info: byte(elf.STB_GLOBAL)<<4 | byte(elf.STT_FUNC), Value: addr}
		if addr != 0 { // else it is a reference to another file's
			s.Shndx = 1
		}
		all = append(all, s)
		*strs = append(append(*strs, name...), 0)
	}
	slices.SortFunc(all, func(a, b elf.Sym64) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (d *drawn) image(t testing.TB) *Image {
	t.Helper()
	b := d.bytes(t)
	img, err := OpenImage(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// boringNames are as many source files as a program with BoringSSL names at least.
func boringNames(d *drawn, pattern string) []uint64 {
	var all []uint64
	for i := range minSources {
		all = append(all, d.name(fmt.Sprintf(strings.ReplaceAll(pattern, "*", "%d"), i)))
	}
	return all
}

// call is an error call as a compiler writes it: ERR_put_error(16, 0, 125, name, 393).
type call func(d *drawn, name, target uint64)

// callPIE is what GCC and Clang write in position independent code for x86-64.
func callPIE(d *drawn, name, target uint64) {
	d.code = append(d.code, 0x48, 0x8d, 0x0d) // lea rcx, [rip+name]
	d.code = binary.LittleEndian.AppendUint32(d.code, uint32(name-(d.here()+4)))
	finishCallX86(d, target)
}

// callStatic is what they write for a program at fixed addresses.
func callStatic(d *drawn, name, target uint64) {
	d.code = append(d.code, 0xb9) // mov ecx, name
	d.code = binary.LittleEndian.AppendUint32(d.code, uint32(name))
	finishCallX86(d, target)
}

func finishCallX86(d *drawn, target uint64) {
	d.code = append(d.code,
		0xbf, 16, 0, 0, 0, // mov edi, 16
		0x31, 0xf6, // xor esi, esi
		0xba, 125, 0, 0, 0, // mov edx, 125
		0x41, 0xb8, 0x89, 1, 0, 0, // mov r8d, 393
		0xe8) // call target
	d.code = binary.LittleEndian.AppendUint32(d.code, uint32(target-(d.here()+4)))
}

// callADRP is what they write for arm64.
func callADRP(d *drawn, name, target uint64) {
	callThrough(3)(d, name, target)
}

// callThrough has the page in another register, which the compiler keeps for a second name.
func callThrough(register uint32) call {
	return func(d *drawn, name, target uint64) {
		pages := uint32(int64(name>>12) - int64(d.here()>>12))
		d.arm(0x90000000 | pages&3<<29 | pages>>2&0x7ffff<<5 | register) // adrp
		d.arm(0x52800200)                                                // mov w0, #16
		d.arm(0x91000003 | uint32(name&0xfff)<<10 | register<<5)         // add x3, xN, #low
		d.finishCallA64(target)
	}
}

// callADR is what linkers make of it if the name is near.
func callADR(d *drawn, name, target uint64) {
	distance := uint32(name - d.here())
	d.arm(0x10000003 | distance&3<<29 | distance>>2&0x7ffff<<5)
	d.finishCallA64(target)
}

func (d *drawn) finishCallA64(target uint64) {
	d.arm(0x52800fa2)                                                // mov w2, #125
	d.arm(0x94000000 | uint32(int64(target-d.here())>>2)&0x03ffffff) // bl target
}

func (d *drawn) arm(word uint32) { d.code = binary.LittleEndian.AppendUint32(d.code, word) }
