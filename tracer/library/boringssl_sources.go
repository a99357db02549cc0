package library

import (
	"bytes"
	"debug/elf"
	"strings"
)

// sources are the names of source files that a compiler left in a file for __FILE__: addresses of C strings.
type sources struct {
	names     map[uint64]string
	low, high uint64 // the lowest and the highest address
}

func (s *sources) add(addr uint64, name string) {
	if len(s.names) == 0 {
		s.low, s.high = addr, addr
	}
	s.names[addr] = name
	s.low, s.high = min(s.low, addr), max(s.high, addr)
}

// at says that a name starts at addr. Most addresses in code are far from all names, and a map is slow.
func (s *sources) at(addr uint64) bool {
	if addr < s.low || addr > s.high {
		return false
	}
	_, ok := s.names[addr]
	return ok
}

// Bounds of a search for names.
const (
	maxSourceName = 256     // bytes of a path, the zeros before and after it included
	maxSources    = 4096    // BoringSSL's ssl folder has about 40 files, its crypto folder 250
	maxSearch     = 1 << 29 // bytes of a file that are searched for names or for code
)

// sourcesIn finds the C++ source files of one folder ("ssl"): paths such as ../../vendor/boringssl/ssl/ssl_lib.cc, or
// ssl/ssl_lib.cc. Those of OpenSSL end in .c.
func sourcesIn(img *Image, folder string) (*sources, error) {
	found, left := &sources{names: map[uint64]string{}}, uint64(maxSearch)
	for _, s := range constants(img) {
		if s.Size > left {
			break
		}
		left -= s.Size
		err := img.Walk(s, maxSourceName, func(addr uint64, piece []byte) bool {
			findSources(piece, addr, folder+"/", found)
			return len(found.names) < maxSources
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// constants are the segments that hold constants: those that can only be read, or, with linkers that put constants next to
// the code, the executable ones.
func constants(img *Image) []Segment {
	var all []Segment
	for _, p := range img.File.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&(elf.PF_W|elf.PF_X) == 0 && p.Off < uint64(img.size) {
			all = append(all, Segment{Addr: p.Vaddr, Offset: p.Off, Size: min(p.Filesz, uint64(img.size)-p.Off)})
		}
	}
	if len(all) == 0 {
		return img.Executable()
	}
	return all
}

// findSources adds the names that lie in a piece of the file, with the zeros before and after them. A name that an end of the
// piece cuts off is found in the next piece, which overlaps by the longest name.
func findSources(piece []byte, addr uint64, folder string, found *sources) {
	suffix := []byte(".cc\x00")
	for at := 0; len(found.names) < maxSources; at += len(suffix) {
		next := bytes.Index(piece[at:], suffix)
		if next < 0 {
			return
		}
		at += next
		from := max(0, at+len(suffix)-maxSourceName)
		before := bytes.LastIndexByte(piece[from:at], 0)
		if before < 0 {
			continue
		}
		start := from + before + 1
		if name := string(piece[start:at]) + ".cc"; isSource(name, folder) {
			found.add(addr+uint64(start), name)
		}
	}
}

// isSource says that a name is a path in the folder.
func isSource(name, folder string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	return strings.HasPrefix(name, folder) || strings.Contains(name, "/"+folder)
}
