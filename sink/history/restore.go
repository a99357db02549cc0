package history

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"slices"

	"github.com/tlstrace/tlstrace/sink"
)

// found counts what was on disk.
type found struct{ restored, torn, unreadable uint64 }

// restore fills the ring with what earlier lives wrote, the newest as far as it fits.
func (h *History) restore() {
	var all []*Entry
	var size int64
	files := h.disk.seg.files
	for i := len(files) - 1; i >= 0 && len(all) < h.ring.maxEvents && size < h.ring.maxBytes; i-- {
		entries := h.readSegment(files[i].path)
		for _, e := range entries {
			size += e.size
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b *Entry) int { return cmp.Compare(a.Number, b.Number) })
	// Two agents that ran side by side may both have used a number.
	all = slices.CompactFunc(all, func(a, b *Entry) bool { return a.Number == b.Number })
	for _, e := range all {
		h.ring.push(e)
	}
	h.found.restored = uint64(len(all))
	h.ring.evictions = 0 // they were never in this life's memory
}

// readSegment reads the entries of one file, and counts what is none.
func (h *History) readSegment(path string) []*Entry {
	file, err := os.Open(path)
	if err != nil {
		h.found.unreadable++
		return nil
	}
	defer file.Close()
	raw, err := readUpTo(file, h.disk.seg.maxBytes)
	if err != nil {
		h.found.unreadable++
	}
	var entries []*Entry
	for len(raw) > 0 {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		raw = rest
		switch e := readLine(line); {
		case !whole:
			h.found.torn++
		case e == nil:
			h.found.unreadable++
		default:
			entries = append(entries, e)
		}
	}
	return entries
}

// readLine returns nil for what is no line of ours.
func readLine(line []byte) *Entry {
	number := lineNumber(line)
	if number == 0 {
		return nil
	}
	e, err := sink.DecodeJSON(line)
	if err != nil {
		return nil
	}
	return &Entry{Number: number, Event: e, size: int64(len(line))}
}

// readUpTo reads a file from its beginning, at most so many bytes.
func readUpTo(file *os.File, limit int64) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(file, 0, limit))
}
