package library

import (
	"debug/elf"
	"encoding/binary"
)

// The search for runtime.firstmoduledata, which holds what the table of functions is relative to. Since Go 1.26 the table's own header
// does not; .text is another address when the C linker has put its start-up code first. Where the fields are has changed with
// versions of Go: they are recognised by what they must be.
const (
	maxModules     = 8  // words of a file that point to the table: 1 or 2 in practice
	moduledataSize = 40 // words that are looked at; text is the 22nd in Go 1.22 to 1.26
)

// textBase returns the virtual address that the functions' offsets are relative to (moduledata.text).
func (t *functionTable) textBase() (uint64, error) {
	first, last, ok := t.bounds()
	if !ok {
		return 0, errNoTextBase
	}
	for _, addr := range t.pointers() {
		if base, ok := t.moduleText(t.img.words(addr, moduledataSize), first, last); ok {
			return base, nil
		}
	}
	for _, addr := range t.relocatedPointers() {
		words := t.img.words(addr, moduledataSize)
		t.img.relocate(addr, words)
		if base, ok := t.moduleText(words, first, last); ok {
			return base, nil
		}
	}
	return 0, errNoTextBase
}

// moduleText recognises a moduledata: it starts with the table's address and the address of its names, and has minpc, maxpc, text and etext
// one after the other, where minpc and maxpc are those of the table.
func (t *functionTable) moduleText(words []uint64, first, last uint64) (base uint64, ok bool) {
	if len(words) < 2 || words[0] != t.addr || words[1] != t.addr+t.names {
		return 0, false
	}
	for i := 2; i+3 < len(words); i++ {
		minpc, maxpc, text, etext := words[i], words[i+1], words[i+2], words[i+3]
		if text != 0 && minpc-text == first && maxpc-text == last && maxpc <= etext && isExecutable(t.img, minpc) {
			return text, true
		}
	}
	return 0, false
}

// pointers returns the addresses in writable data that hold the table's address.
func (t *functionTable) pointers() []uint64 {
	var found []uint64
	for _, s := range t.moduleSegments() {
		// A segment that breaks off has been searched as far as it goes.
		_ = t.img.Walk(s, 0, func(addr uint64, piece []byte) bool {
			for i := int(-addr & 7); i+8 <= len(piece); i += 8 {
				if binary.LittleEndian.Uint64(piece[i:]) == t.addr && len(found) < maxModules {
					found = append(found, addr+uint64(i))
				}
			}
			return len(found) < maxModules
		})
	}
	return found
}

// moduleSegments is where moduledata can be: its own section since Go 1.26, else any writable segment.
func (t *functionTable) moduleSegments() []Segment {
	if s := t.img.File.Section(".go.module"); s != nil {
		if offset, ok := t.img.Offset(s.Addr); ok {
			return []Segment{{Addr: s.Addr, Offset: offset, Size: min(s.Size, uint64(t.img.size)-offset)}}
		}
	}
	return t.img.dataSegments(elf.PF_W)
}

// relocatedPointers is pointers for a file whose pointers are written by the dynamic linker (PIE, shared objects).
func (t *functionTable) relocatedPointers() []uint64 {
	var found []uint64
	t.img.walkRelative(func(addr, value uint64) bool {
		if value == t.addr {
			found = append(found, addr)
		}
		return len(found) < maxModules
	})
	return found
}

// relocate writes into words, which were read at addr, what the dynamic linker would.
func (img *Image) relocate(addr uint64, words []uint64) {
	img.walkRelative(func(at, value uint64) bool {
		if i := at - addr; i%8 == 0 && i/8 < uint64(len(words)) {
			words[i/8] = value
		}
		return true
	})
}

// walkRelative visits the relocations that add the load address to a value (R_X86_64_RELATIVE, R_AARCH64_RELATIVE).
func (img *Image) walkRelative(visit func(addr, value uint64) bool) {
	relative := uint32(elf.R_X86_64_RELATIVE)
	if img.Machine() == elf.EM_AARCH64 {
		relative = uint32(elf.R_AARCH64_RELATIVE)
	}
	goOn, left := true, img.size // sections that overlap, of which a file could have thousands, are not all read
	for _, s := range img.File.Sections {
		r := img.contents(s)
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 || r == nil || !goOn || r.Size() > left {
			continue
		}
		left -= r.Size()
		// What a table that breaks off did hold has been visited.
		_ = walk(r, 0, func(_ int64, piece []byte) bool {
			for ; len(piece) >= relocationSize && goOn; piece = piece[relocationSize:] {
				if binary.LittleEndian.Uint32(piece[8:]) == relative {
					goOn = visit(binary.LittleEndian.Uint64(piece), binary.LittleEndian.Uint64(piece[16:]))
				}
			}
			return goOn
		})
	}
}

// words reads up to n words at a virtual address.
func (img *Image) words(addr uint64, n int) []uint64 {
	b := img.Bytes(addr, 8*n)
	words := make([]uint64, len(b)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}
