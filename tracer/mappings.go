package tracer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Bounds of what is read of one process.
const (
	maxMappings = 4096
	maxFiles    = 256
)

// fileID names the content of a file: another content, also one written in place, is another file.
type fileID struct {
	dev, inode  uint64
	size, mtime int64
}

// mapping is an executable part of a file in a process' memory.
type mapping struct {
	start, end uint64
	path       string // as the process knows it, " (deleted)" included
}

// procID names a process as long as its pid is its own and it runs the same program.
type procID struct {
	pid      int
	start    uint64 // in clock ticks since boot, from /proc/PID/stat
	dev, exe uint64 // the program's file
}

// identifyProcess returns a process' identity; an error means that it is gone.
func identifyProcess(proc string, pid int) (procID, error) {
	start, err := startTime(proc, pid)
	if err != nil {
		return procID{}, err
	}
	id := procID{pid: pid, start: start}
	var st syscall.Stat_t
	if syscall.Stat(filepath.Join(proc, strconv.Itoa(pid), "exe"), &st) == nil { // a kernel thread has none
		id.dev, id.exe = st.Dev, st.Ino
	}
	return id, nil
}

// startTime reads when a process started; an error means that it is gone.
func startTime(proc string, pid int) (uint64, error) {
	stat, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	return parseStartTime(stat)
}

var errStat = errors.New("/proc/PID/stat is cut")

// parseStartTime finds field 22 of stat (proc(5)). The second field, the name, may hold anything, so counting begins behind its end.
func parseStartTime(stat []byte) (uint64, error) {
	_, rest, ok := cutLast(stat, ')')
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, errStat
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

func cutLast(b []byte, sep byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, sep)
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// executables returns the files of which a process has executable mappings, each once.
func executables(proc string, pid int) ([]mapping, error) {
	f, err := os.Open(filepath.Join(proc, strconv.Itoa(pid), "maps"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return parseMaps(f), nil
}

// parseMaps reads /proc/PID/maps (proc(5)): "start-end perms offset dev inode path".
func parseMaps(r io.Reader) []mapping {
	var all []mapping
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan() && n < maxMappings && len(all) < maxFiles; n++ {
		m, file, ok := parseMapping(lines.Text())
		if ok && !seen[file] {
			seen[file] = true
			all = append(all, m)
		}
	}
	return all
}

func parseMapping(line string) (m mapping, file string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || len(fields[1]) < 3 || fields[1][2] != 'x' || fields[4] == "0" {
		return mapping{}, "", false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if err1 != nil || err2 != nil {
		return mapping{}, "", false
	}
	path := line[strings.Index(line, fields[5]):]
	return mapping{start: start, end: end, path: path}, fields[3] + ":" + fields[4], path != "" && path[0] == '/'
}

// reach returns a path by which this process can open a mapped file: it works across mount namespaces, for files that were
// deleted or replaced, and for what lies below an overlay.
func (m mapping) reach(proc string, pid int) string {
	path := filepath.Join(proc, strconv.Itoa(pid), "map_files", fmt.Sprintf("%x-%x", m.start, m.end))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return filepath.Join(proc, strconv.Itoa(pid), "root", m.path)
}

// identify returns the identity of a file.
func identify(f *os.File) (fileID, error) {
	info, err := f.Stat()
	if err != nil {
		return fileID{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return fileID{}, fmt.Errorf("%s is no regular file", f.Name())
	}
	return fileID{dev: st.Dev, inode: st.Ino, size: info.Size(), mtime: info.ModTime().UnixNano()}, nil
}
