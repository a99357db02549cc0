package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"slices"
)

// symbolSize is the size of Elf64_Sym.
const symbolSize = 24

// A string table is searched in windows of this size, so that one of 100 MB (C++, unstripped) costs no such memory. A window
// reaches a name's length into the next one.
const (
	nameWindow = 16 << 20
	maxName    = 255
)

// Tables larger than these are not searched: 2.8 million symbols, and ten times what Envoy has of names.
const (
	maxSymbols = 64 << 20
	maxNames   = 512 << 20
)

// Symbol returns the address of a function or object that the file defines, from .dynsym or .symtab.
// To look up several, call [Image.Symbols] first: it takes one walk through the tables for all, and the result is kept.
func (img *Image) Symbol(name string) (addr uint64, ok bool) {
	addr, ok = img.Symbols(name)[name]
	return addr, ok
}

// Symbols returns the addresses of those names that the file defines. A name of more than 255 bytes is not found.
func (img *Image) Symbols(names ...string) map[string]uint64 {
	unknown := slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, known := img.found[name]; return known })
	for _, table := range []elf.SectionType{elf.SHT_DYNSYM, elf.SHT_SYMTAB} {
		unknown = slices.DeleteFunc(unknown, func(name string) bool { return img.found[name] != 0 })
		img.searchTable(img.sectionOfType(table), newNameSet(unknown), img.remember)
	}
	found := map[string]uint64{}
	for _, name := range names {
		addr := img.found[name]
		img.found[name] = addr // also that it is not there
		if addr != 0 {
			found[name] = addr
		}
	}
	return found
}

// remember keeps a symbol that is defined. A global one is better than a local one of the same name.
func (img *Image) remember(name string, _ uint32, sym []byte) {
	global := elf.ST_BIND(sym[4]) != elf.STB_LOCAL
	defined := elf.SectionIndex(binary.LittleEndian.Uint16(sym[6:])) != elf.SHN_UNDEF
	if defined && (global || img.found[name] == 0) {
		img.found[name] = binary.LittleEndian.Uint64(sym[8:])
	}
}

// searchTable calls visit with each Elf64_Sym of a symbol table whose name is in the set, and its index.
func (img *Image) searchTable(table *elf.Section, names nameSet, visit func(name string, index uint32, sym []byte)) {
	strings, symbols := img.contents(img.linked(table)), img.contents(table)
	if strings == nil || symbols == nil || len(names) == 0 || symbols.Size() > maxSymbols || strings.Size() > maxNames {
		return
	}
	window := make([]byte, min(strings.Size(), nameWindow+maxName+1))
	for start := int64(0); start < strings.Size(); start += nameWindow {
		n, err := strings.ReadAt(window, start)
		if err != nil && err != io.EOF {
			return
		}
		index := uint32(0)
		// What a table that breaks off did hold has been visited.
		_ = walk(symbols, 0, func(_ int64, piece []byte) bool {
			for ; len(piece) >= symbolSize; piece = piece[symbolSize:] {
				at := int64(binary.LittleEndian.Uint32(piece)) - start
				if 0 <= at && at < int64(min(n, nameWindow)) {
					if name := names.find(window[at:n]); name != "" {
						visit(name, index, piece[:symbolSize])
					}
				}
				index++
			}
			return true
		})
	}
}

// nameSet holds names by their first eight bytes, so that a table of 100,000 symbols is searched without making strings.
type nameSet map[uint64][]string

func newNameSet(names []string) nameSet {
	set := nameSet{}
	for _, name := range names {
		if name != "" && len(name) <= maxName {
			key := nameKey(append([]byte(name), 0))
			set[key] = append(set[key], name)
		}
	}
	return set
}

// find returns the name of the set that the string at the start of b is, or "".
func (set nameSet) find(b []byte) string {
	for _, name := range set[nameKey(b)] {
		if len(b) > len(name) && b[len(name)] == 0 && string(b[:len(name)]) == name {
			return name
		}
	}
	return ""
}

// nameKey packs the first eight bytes of a NUL-terminated name.
func nameKey(b []byte) uint64 {
	if len(b) >= 8 && bytes.IndexByte(b[:8], 0) < 0 {
		return binary.LittleEndian.Uint64(b)
	}
	var key uint64
	for i := 0; i < min(len(b), 8) && b[i] != 0; i++ {
		key |= uint64(b[i]) << (8 * i)
	}
	return key
}

// relocationSize is the size of Elf64_Rela.
const relocationSize = 24

// slots returns the addresses of the pointers that the dynamic linker sets to a symbol: its entries in the GOT.
func (img *Image) slots(name string) []uint64 {
	indices := map[uint32]bool{}
	img.searchTable(img.sectionOfType(elf.SHT_DYNSYM), newNameSet([]string{name}), func(_ string, index uint32, _ []byte) {
		indices[index] = true
	})
	if len(indices) == 0 {
		return nil
	}
	var found []uint64
	left := img.size // sections that overlap are not read over and over
	for _, s := range img.File.Sections {
		r := img.contents(s)
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 || r == nil || r.Size() > left {
			continue
		}
		left -= r.Size()
		_ = walk(r, 0, func(_ int64, piece []byte) bool {
			for ; len(piece) >= relocationSize && len(found) < maxSlots; piece = piece[relocationSize:] {
				if indices[binary.LittleEndian.Uint32(piece[12:])] {
					found = append(found, binary.LittleEndian.Uint64(piece))
				}
			}
			return len(found) < maxSlots
		})
	}
	return found
}

// maxSlots bounds what a file can claim to have of pointers to one function.
const maxSlots = 64
