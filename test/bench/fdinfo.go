package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// object is a BPF map or program of which this process holds a descriptor.
type object struct {
	kind    string // "map" or "prog"
	id      uint32
	memlock uint64 // bytes of kernel memory
}

// key names an object among those of its process.
func (o object) key() string { return fmt.Sprintf("%s %d", o.kind, o.id) }

// heldObjects lists the BPF maps and programs of which this process holds descriptors, each once.
func heldObjects() (map[string]object, error) {
	paths, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		return nil, err
	}
	held := map[string]object{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil { // closed meanwhile
			continue
		}
		if o, ok := parseFdinfo(f); ok {
			held[o.key()] = o
		}
		_ = f.Close()
	}
	return held, nil
}

// parseFdinfo reads what the kernel tells of a descriptor (proc_pid_fdinfo(5); bpf_map_show_fdinfo and
// bpf_prog_show_fdinfo in kernel/bpf/syscall.c). Links name their program, too, but have no memory of their own.
func parseFdinfo(r io.Reader) (object, bool) {
	var o object
	seen := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "map_id":
			o.kind, o.id = "map", uint32(n)
		case "prog_id":
			o.kind, o.id = "prog", uint32(n)
		case "memlock":
			o.memlock, seen = n, true
		}
	}
	return o, seen && o.kind != ""
}
