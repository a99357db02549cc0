package history

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// segment is one file of JSON lines: events-NUMBER.jsonl, named by the number of its first event, so that names sort as events do.
type segment struct {
	path string
	size int64
}

var segmentName = regexp.MustCompile(`^events-[0-9]{20}\.jsonl$`)

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("events-%020d.jsonl", first))
}

// listSegments finds the files of earlier lives, oldest first.
func listSegments(dir string) ([]segment, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, f := range found {
		info, err := f.Info()
		if err == nil && info.Mode().IsRegular() && segmentName.MatchString(f.Name()) {
			all = append(all, segment{filepath.Join(dir, f.Name()), info.Size()})
		}
	}
	slices.SortFunc(all, func(a, b segment) int { return cmp.Compare(a.path, b.path) })
	return all, nil
}

// segments are the files in a directory. The last one is written to if it is open.
type segments struct {
	dir      string
	maxBytes int64 // of all
	maxFile  int64 // of one
	files    []segment
	open     *os.File // the last of files; nil if none is written to
}

// filesPerHistory is how many files share the room: the oldest goes as a whole.
const filesPerHistory = 8

func (s *segments) total() int64 {
	var sum int64
	for _, f := range s.files {
		sum += f.size
	}
	return sum
}

// room makes sure that a file with room for so many bytes is open. first is the number of the next event.
func (s *segments) room(n int64, first uint64) error {
	if s.open != nil && s.files[len(s.files)-1].size+n <= s.maxFile {
		return nil
	}
	if err := s.leave(); err != nil {
		return err
	}
	if err := s.prune(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil { // it had no room, or was taken away
		return err
	}
	path := segmentPath(s.dir, first)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	lockFile(file) // tells another agent, of a rolling update, that this file has a writer
	s.open = file
	s.files = append(s.files, segment{path: path})
	return nil
}

// prune removes the oldest files until there is room for one more.
func (s *segments) prune() error {
	for len(s.files) > 0 && s.total()+s.maxFile > s.maxBytes {
		if err := os.Remove(s.files[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		s.files = s.files[1:]
	}
	return nil
}

// continueLast goes on in the last file of an earlier life, if that has room and no other writer. A line that was cut off is taken away.
func (s *segments) continueLast() {
	if len(s.files) == 0 {
		return
	}
	last := &s.files[len(s.files)-1]
	if last.size >= s.maxFile {
		return
	}
	file, err := os.OpenFile(last.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return
	}
	whole, err := wholeLines(file, s.maxFile)
	if err != nil || !lockFile(file) || file.Truncate(whole) != nil {
		file.Close()
		return
	}
	last.size, s.open = whole, file
}

// wholeLines returns the length of a file up to the end of its last whole line.
func wholeLines(file *os.File, limit int64) (int64, error) {
	raw, err := readUpTo(file, limit)
	return int64(bytes.LastIndexByte(raw, '\n') + 1), err
}

// write appends lines to the open file, and returns how many got there as a whole. What got there in part is taken away again.
func (s *segments) write(lines []byte) (whole int, err error) {
	last := &s.files[len(s.files)-1]
	n, err := s.open.Write(lines)
	if err == nil {
		last.size += int64(n)
		return bytes.Count(lines, []byte("\n")), nil
	}
	end := bytes.LastIndexByte(lines[:n], '\n') + 1
	last.size += int64(end)
	if terr := s.open.Truncate(last.size); terr != nil {
		err = errors.Join(err, terr, s.leave()) // the torn line stays: nothing may be written behind it
	}
	return bytes.Count(lines[:end], []byte("\n")), err
}

// leave closes the open file. It cannot be asked twice to do so.
func (s *segments) leave() error {
	if s.open == nil {
		return nil
	}
	file := s.open
	s.open = nil
	return file.Close()
}

// numberKey comes first in a line on disk. Readers of events ignore a field that they do not know.
const numberKey = `{"number":`

// maxNumber bounds what is read: the microseconds of the year 2112. What follows it is still a number that every JSON reader holds
// exactly (RFC 8259 section 6).
const maxNumber = 1 << 52

// appendLine writes an entry as one line: its number, then the event as [sink.AppendJSON] has it.
func appendLine(dst []byte, number uint64, object []byte) []byte {
	dst = append(dst, numberKey...)
	dst = strconv.AppendUint(dst, number, 10)
	dst = append(dst, ',')
	return append(append(dst, object[1:]...), '\n')
}

// lineNumber reads the number of a line; 0 is none.
func lineNumber(line []byte) uint64 {
	rest, ok := bytes.CutPrefix(line, []byte(numberKey))
	digits, _, found := bytes.Cut(rest, []byte(","))
	if !ok || !found || len(digits) > 20 {
		return 0
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n > maxNumber {
		return 0
	}
	return n
}
