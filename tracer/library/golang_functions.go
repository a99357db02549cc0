package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// errNoTextBase says that functions are named but it is not known where they lie.
var errNoTextBase = fmt.Errorf("%w: Go program whose moduledata was not found", ErrMalformed)

// functionTable is .gopclntab, the table of functions of a Go program (runtime.pcHeader and what follows it), in the form of Go 1.18 and later.
// debug/gosym is not used: it wants the whole table in memory and makes a string of every name in it.
type functionTable struct {
	img       *Image
	addr      uint64 // of the header
	count     uint64 // functions
	names     uint64 // offset of the names from addr
	namesEnd  uint64
	functions uint64 // offset of the index; what it refers to is relative to that too
	size      uint64 // bytes until the end of the segment
}

// Where the fields of runtime.pcHeader are, and what bounds them.
const (
	pcHeaderSize    = 72
	pcHeaderMagic   = 0xfffffff1 // Go 1.20 and later
	pcHeaderMagic18 = 0xfffffff0 // Go 1.18 and 1.19: the same fields
	maxFunctions    = 1 << 22
	maxTables       = 64 // that are looked at in a file
)

// findFunctionTable finds the table by the section that holds it, which depends on the linker: alone; relocatable
// up to Go 1.25; merged by the C linker into other relocated data; or anywhere, if the section headers were removed. It returns nil if
// the file is no Go program.
func findFunctionTable(img *Image) (*functionTable, error) {
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		if s := img.File.Section(name); s != nil {
			if t := img.functionTable(s.Addr, img.Bytes(s.Addr, pcHeaderSize)); t != nil {
				return t, nil
			}
			return nil, fmt.Errorf("%w: %s is no table of functions that is known", ErrMalformed, name)
		}
	}
	if len(img.File.Sections) > 0 && img.File.Section(".go.buildinfo") == nil {
		return nil, nil
	}
	return img.scanFunctionTable()
}

// scanFunctionTable looks for a header in all data.
func (img *Image) scanFunctionTable() (found *functionTable, err error) {
	tries := 0
	for _, s := range img.dataSegments(0) {
		err := img.Walk(s, pcHeaderSize, func(addr uint64, piece []byte) bool {
			for at := 1; found == nil && tries < maxTables; at++ {
				i := bytes.Index(piece[at:], []byte{0xff, 0xff, 0xff, 0, 0})
				if i < 0 {
					return true
				}
				at += i
				if isPCHeader(piece[at-1:]) {
					tries++
					found = img.functionTable(addr+uint64(at)-1, piece[at-1:])
				}
			}
			return false
		})
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// dataSegments lists the segments that are no code and have the flags. Segments that overlap, of which a file could have
// thousands, end the list.
func (img *Image) dataSegments(flags elf.ProgFlag) []Segment {
	var all []Segment
	left := uint64(img.size)
	for _, p := range img.File.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X != 0 || p.Flags&flags != flags || p.Off >= uint64(img.size) {
			continue
		}
		s := Segment{Addr: p.Vaddr, Offset: p.Off, Size: min(p.Filesz, uint64(img.size)-p.Off)}
		if s.Size > left {
			return all
		}
		left -= s.Size
		all = append(all, s)
	}
	return all
}

// isPCHeader says whether b starts as runtime.pcHeader does: magic, two zeros, the size of an instruction, that of a pointer.
func isPCHeader(b []byte) bool {
	if len(b) < pcHeaderSize || b[4] != 0 || b[5] != 0 || b[7] != 8 {
		return false
	}
	magic := binary.LittleEndian.Uint32(b)
	return magic == pcHeaderMagic || magic == pcHeaderMagic18
}

// functionTable checks the header b that lies at addr. It returns nil if that is none.
func (img *Image) functionTable(addr uint64, b []byte) *functionTable {
	p := img.segment(addr)
	if !isPCHeader(b) || p == nil {
		return nil
	}
	field := func(n int) uint64 { return binary.LittleEndian.Uint64(b[8+8*n:]) }
	t := &functionTable{
		img: img, addr: addr, size: p.Filesz - (addr - p.Vaddr),
		count: field(0), names: field(3), namesEnd: field(4), functions: field(7),
	}
	if t.count == 0 || t.count > maxFunctions || t.names < pcHeaderSize || t.namesEnd < t.names || t.functions < t.namesEnd ||
		t.functions > t.size || (2*t.count+1)*4 > t.size-t.functions {
		return nil
	}
	return t
}

// find returns where functions lie, relative to the start of the program's text. A name that the program does not have is left out.
func (t *functionTable) find(names ...string) (map[string]goFunction, error) {
	offsets, err := t.nameOffsets(names)
	if len(offsets) == 0 || err != nil {
		return nil, err
	}
	found := map[string]goFunction{}
	records := &window{img: t.img}
	last := uint32(0)
	err = t.walkIndex(func(start, record, end uint32) bool {
		b := records.at(t.addr+t.functions+uint64(record), 8) // runtime._func: entryOff, nameOff
		if b == nil || record < last {                        // they are in order, and read once
			return false
		}
		last = record
		if name, ok := offsets[binary.LittleEndian.Uint32(b[4:])]; ok && end > start {
			found[name] = goFunction{uint64(start), uint64(end)}
		}
		return len(found) < len(offsets)
	})
	return found, err
}

// walkIndex visits the index, which is sorted by address: where each function starts, where its record is, and where the next starts.
func (t *functionTable) walkIndex(visit func(start, record, end uint32) bool) error {
	offset, ok := t.img.Offset(t.addr + t.functions)
	if !ok {
		return fmt.Errorf("%w: index of Go functions", ErrMalformed)
	}
	index := Segment{Addr: t.addr + t.functions, Offset: offset, Size: (2*t.count + 1) * 4}
	return t.img.Walk(index, 4, func(_ uint64, piece []byte) bool {
		for ; len(piece) >= 12; piece = piece[8:] {
			if !visit(binary.LittleEndian.Uint32(piece), binary.LittleEndian.Uint32(piece[4:]), binary.LittleEndian.Uint32(piece[8:])) {
				return false
			}
		}
		return true
	})
}

// nameOffsets finds names, which are NUL-terminated, by the prefix that they have in common.
func (t *functionTable) nameOffsets(names []string) (map[uint32]string, error) {
	start := t.addr + t.names
	offset, ok := t.img.Offset(start)
	if !ok {
		return nil, fmt.Errorf("%w: names of Go functions", ErrMalformed)
	}
	found := map[uint32]string{}
	prefix := []byte("\x00crypto/tls.(*Conn).")
	table := Segment{Addr: start, Offset: offset, Size: min(t.namesEnd-t.names, uint64(t.img.size)-offset)}
	err := t.img.Walk(table, maxName, func(addr uint64, piece []byte) bool {
		for at := 0; ; at++ {
			i := bytes.Index(piece[at:], prefix)
			if i < 0 || len(found) == len(names) {
				return i < 0
			}
			at += i
			for _, name := range names {
				if bytes.HasPrefix(piece[at+1:], append([]byte(name), 0)) {
					found[uint32(addr-start)+uint32(at)+1] = name
				}
			}
		}
	})
	return found, err
}

// bounds returns where the first function starts and the last one ends, relative to the start of the text.
func (t *functionTable) bounds() (first, last uint64, ok bool) {
	a := t.img.Bytes(t.addr+t.functions, 4)
	b := t.img.Bytes(t.addr+t.functions+8*t.count, 4)
	if len(a) < 4 || len(b) < 4 {
		return 0, 0, false
	}
	return uint64(binary.LittleEndian.Uint32(a)), uint64(binary.LittleEndian.Uint32(b)), true
}

// window reads small records that lie one after the other without a system call for each.
type window struct {
	img    *Image
	start  uint64
	buffer [64 << 10]byte
	filled int
}

// at returns n bytes at a virtual address, valid until the next call, or nil.
func (w *window) at(addr uint64, n int) []byte {
	if addr < w.start || addr-w.start > uint64(w.filled-min(n, w.filled)) || w.filled < n {
		w.start = addr
		w.filled, _ = w.img.ReadAt(w.buffer[:], int64(addr)) // what could be read is what counts
	}
	i := addr - w.start
	if i > uint64(w.filled) || uint64(w.filled)-i < uint64(n) {
		return nil
	}
	return w.buffer[i : i+uint64(n)]
}
