package library

import (
	"encoding/binary"
	"sort"
)

// frames knows where functions begin and end, stripped or not: exceptions and debuggers need it, so it is kept in .eh_frame
// (Linux Standard Base, 10.6; DWARF 5, 6.4).
type frames struct {
	img   *Image
	base  uint64 // address of .eh_frame_hdr
	table []byte // its sorted pairs: begin of a function, address of its FDE, both as int32 relative to base
}

// Encodings of pointers in .eh_frame_hdr, in the only combination that linkers write.
const (
	pointerRelative4 = 0x1b // DW_EH_PE_pcrel | DW_EH_PE_sdata4
	pointerCount4    = 0x03 // DW_EH_PE_udata4
	pointerTable4    = 0x3b // DW_EH_PE_datarel | DW_EH_PE_sdata4
)

// frames reads the index of .eh_frame; it is empty if the file has none.
func (img *Image) frames() frames {
	header, base, ok := img.Section(".eh_frame_hdr")
	if !ok || len(header) < 12 || header[0] != 1 || header[1] != pointerRelative4 || header[2] != pointerCount4 || header[3] != pointerTable4 {
		return frames{}
	}
	count := uint64(binary.LittleEndian.Uint32(header[8:]))
	table := header[12:]
	return frames{img: img, base: base, table: table[:8*min(count, uint64(len(table)/8))]}
}

// function returns the bounds of the function that holds an address.
func (f frames) function(addr uint64) (begin, end uint64, ok bool) {
	n := sort.Search(len(f.table)/8, func(i int) bool { return f.pointer(8*i) > addr }) // the first behind it
	if n == 0 {
		return 0, 0, false
	}
	begin = f.pointer(8 * (n - 1))
	// An FDE is: length, distance to its CIE, begin, size, each 4 bytes; begin is relative to where it stands.
	fde := f.pointer(8*(n-1) + 4)
	head := f.img.Bytes(fde, 16)
	if len(head) < 16 || fde+8+uint64(int64(int32(binary.LittleEndian.Uint32(head[8:])))) != begin {
		return 0, 0, false
	}
	end = begin + uint64(binary.LittleEndian.Uint32(head[12:]))
	return begin, end, begin <= addr && addr < end
}

func (f frames) pointer(at int) uint64 {
	return f.base + uint64(int64(int32(binary.LittleEndian.Uint32(f.table[at:]))))
}
