package library

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrMalformed says that a file is no ELF file that can be read: it is truncated, damaged, or made to mislead.
var ErrMalformed = errors.New("malformed ELF file")

// What is read of a file is bounded, since the file is a stranger's.
const (
	maxHeaders = 8 << 20  // headers and the names of sections
	maxRead    = 32 << 20 // one section, or one run of bytes
	chunkSize  = 24 << 15 // of a walk through something larger: whole entries of symbol and relocation tables
)

// Image is an ELF file that is read lazily, a piece at a time. It is not mapped into memory: a file that shrinks under a
// mapping kills its reader by SIGBUS, one that shrinks under pread is an error.
// An Image is for one goroutine.
type Image struct {
	File *elf.File

	file io.ReaderAt
	size int64
	// found keeps the addresses of symbols that were looked up, 0 for those that are not there.
	found map[string]uint64
}

// Segment is a part of the file that is mapped executable.
type Segment struct {
	Addr   uint64 // virtual address as linked
	Offset uint64 // in the file
	Size   uint64 // bytes in the file
}

// OpenImage reads the headers of an ELF file of size bytes: 64 bit, little endian. The error is [ErrMalformed] for anything else.
func OpenImage(file io.ReaderAt, size int64) (*Image, error) {
	if err := checkHeader(file, size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	headers := &budget{file: io.NewSectionReader(file, 0, size), left: maxHeaders}
	f, err := elf.NewFile(headers)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	headers.left = maxRead // for those who read through File
	return &Image{File: f, file: file, size: size, found: map[string]uint64{}}, nil
}

// checkHeader looks at what package elf would believe: it unpacks the names of sections if they are compressed, to any size.
func checkHeader(file io.ReaderAt, size int64) error {
	var h elf.Header64
	if err := readStruct(file, 0, &h); err != nil {
		return err
	}
	if string(h.Ident[:4]) != elf.ELFMAG {
		return errors.New("no ELF file")
	}
	if elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return errors.New("only 64 bit little endian is read")
	}
	if h.Shoff == 0 {
		return nil
	}
	index := uint32(h.Shstrndx)
	if index == uint32(elf.SHN_XINDEX) { // too large for the header: it is in the first section
		var first elf.Section64
		if err := readStruct(file, int64(h.Shoff), &first); err != nil {
			return err
		}
		index = first.Link
	}
	var names elf.Section64
	if err := readStruct(file, int64(h.Shoff)+int64(index)*int64(h.Shentsize), &names); err != nil {
		return err
	}
	if elf.SectionFlag(names.Flags)&elf.SHF_COMPRESSED != 0 || names.Size > uint64(size) {
		return errors.New("the names of sections are compressed or outside the file")
	}
	return nil
}

func readStruct(file io.ReaderAt, at int64, to any) error {
	return binary.Read(io.NewSectionReader(file, at, int64(binary.Size(to))), binary.LittleEndian, to)
}

// Machine is the processor that the file is for.
func (img *Image) Machine() elf.Machine { return img.File.Machine }

// Offset translates a virtual address to the offset in the file, as uprobes want it.
func (img *Image) Offset(addr uint64) (uint64, bool) {
	p := img.segment(addr)
	if p == nil {
		return 0, false
	}
	offset := addr - p.Vaddr + p.Off
	return offset, offset < uint64(img.size)
}

// segment finds the PT_LOAD segment whose bytes in the file hold addr.
func (img *Image) segment(addr uint64) *elf.Prog {
	for _, p := range img.File.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return p
		}
	}
	return nil
}

// Executable lists the segments that are mapped executable, cut off at the end of the file. Together they are not larger
// than the file, whatever its headers say.
func (img *Image) Executable() []Segment {
	var all []Segment
	left := uint64(img.size)
	for _, p := range img.File.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X == 0 || p.Off >= uint64(img.size) {
			continue
		}
		size := min(p.Filesz, uint64(img.size)-p.Off, left)
		left -= size
		if size > 0 {
			all = append(all, Segment{Addr: p.Vaddr, Offset: p.Off, Size: size})
		}
	}
	return all
}

// ReadAt reads the bytes at a virtual address. It stops at the end of the segment with [io.EOF].
func (img *Image) ReadAt(b []byte, addr int64) (int, error) {
	p := img.segment(uint64(addr))
	if p == nil {
		return 0, fmt.Errorf("%w: nothing is mapped at %#x", ErrMalformed, uint64(addr))
	}
	offset, ok := img.Offset(uint64(addr))
	if !ok {
		return 0, io.ErrUnexpectedEOF
	}
	left := min(p.Filesz-(uint64(addr)-p.Vaddr), uint64(img.size)-offset)
	if uint64(len(b)) <= left {
		return img.file.ReadAt(b, int64(offset))
	}
	n, err := img.file.ReadAt(b[:left], int64(offset))
	if err == nil {
		err = io.EOF
	}
	return n, err
}

// Bytes returns up to n bytes at a virtual address, fewer at the end of a segment, nil if nothing is there.
func (img *Image) Bytes(addr uint64, n int) []byte {
	b := make([]byte, min(n, maxRead))
	read, _ := img.ReadAt(b, int64(addr)) // what could be read is what counts
	if read <= 0 {
		return nil
	}
	return b[:read]
}

// Walk calls visit with the bytes of a segment, 768 KiB at a time. Each piece but the first starts with the last overlap
// bytes of the one before, for what lies across. The piece is overwritten after visit returns; visit returns false to stop.
func (img *Image) Walk(s Segment, overlap int, visit func(addr uint64, piece []byte) bool) error {
	return walk(io.NewSectionReader(img.file, int64(s.Offset), int64(s.Size)), overlap, func(at int64, piece []byte) bool {
		return visit(s.Addr+uint64(at), piece)
	})
}

// walk is Walk for anything that has a size.
func walk(r *io.SectionReader, overlap int, visit func(at int64, piece []byte) bool) error {
	buffer := make([]byte, min(r.Size(), int64(chunkSize+overlap)))
	for at, kept := int64(0), 0; at+int64(kept) < r.Size(); {
		n, err := r.ReadAt(buffer[kept:], at+int64(kept))
		if n == 0 {
			return fmt.Errorf("%w: read at %#x: %w", ErrMalformed, at, err)
		}
		piece := buffer[:kept+n]
		if !visit(at, piece) {
			return nil
		}
		kept = copy(buffer, piece[max(0, len(piece)-overlap):])
		at += int64(len(piece) - kept)
	}
	return nil
}

// Section returns the bytes and the virtual address of the first section of that name. One that is not in the file (.bss),
// compressed, or larger than 32 MB is not returned.
func (img *Image) Section(name string) (data []byte, addr uint64, ok bool) {
	s := img.File.Section(name)
	r := img.contents(s)
	if r == nil || r.Size() > maxRead {
		return nil, 0, false
	}
	data = make([]byte, r.Size())
	if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil, 0, false
	}
	return data, s.Addr, true
}

// contents is a reader of a section's bytes in the file, or nil if it has none there.
func (img *Image) contents(s *elf.Section) *io.SectionReader {
	if s == nil || s.Type == elf.SHT_NOBITS || s.Flags&elf.SHF_COMPRESSED != 0 {
		return nil
	}
	if s.Offset > uint64(img.size) || s.FileSize > uint64(img.size)-s.Offset {
		return nil
	}
	return io.NewSectionReader(img.file, int64(s.Offset), int64(s.FileSize))
}

// Libraries returns the names of the shared libraries that the file needs (DT_NEEDED), and its own (DT_SONAME), "" if it has none.
func (img *Image) Libraries() (soname string, needed []string) {
	own := img.dynamicStrings(elf.DT_SONAME)
	if len(own) > 0 {
		soname = own[0]
	}
	return soname, img.dynamicStrings(elf.DT_NEEDED)
}

func (img *Image) dynamicStrings(tag elf.DynTag) []string {
	dynamic := img.sectionOfType(elf.SHT_DYNAMIC)
	if dynamic == nil || !img.small(dynamic) || !img.small(img.linked(dynamic)) {
		return nil
	}
	values, err := img.File.DynValue(tag)
	if err != nil {
		return nil
	}
	names := img.linked(dynamic)
	var all []string
	for _, v := range slices.Compact(values) {
		if name := img.cString(names, v); name != "" {
			all = append(all, name)
		}
	}
	return all
}

func (img *Image) sectionOfType(t elf.SectionType) *elf.Section {
	for _, s := range img.File.Sections {
		if s.Type == t {
			return s
		}
	}
	return nil
}

// linked is the section that sh_link names: the strings of a symbol table.
func (img *Image) linked(s *elf.Section) *elf.Section {
	if s == nil || int(s.Link) >= len(img.File.Sections) {
		return nil
	}
	return img.File.Sections[s.Link]
}

// small says that a section is there and of a size to be read whole.
func (img *Image) small(s *elf.Section) bool {
	r := img.contents(s)
	return r != nil && r.Size() <= maxRead
}

// cString reads a name of up to 255 bytes from a string table.
func (img *Image) cString(table *elf.Section, at uint64) string {
	r := img.contents(table)
	if r == nil || at >= uint64(r.Size()) {
		return ""
	}
	var b [256]byte
	n, _ := r.ReadAt(b[:], int64(at))
	end := slices.Index(b[:n], 0)
	if end < 0 {
		return ""
	}
	return string(b[:end])
}

// budget is a reader that gives out only so many bytes, so that headers which lie about sizes cost no memory.
type budget struct {
	file io.ReaderAt
	left int
}

func (r *budget) ReadAt(b []byte, at int64) (int, error) {
	if len(b) > r.left {
		return 0, errors.New("headers are too large")
	}
	r.left -= len(b)
	return r.file.ReadAt(b, at)
}
