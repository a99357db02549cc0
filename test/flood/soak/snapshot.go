package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// snapshot is what the agent has at a moment.
type snapshot struct {
	after       time.Duration // since the load began
	made        uint64        // handshakes that succeeded
	failed      uint64        // handshakes that were made to fail
	told        uint64        // failures that the agent told
	resident    uint64        // VmRSS, bytes
	private     uint64        // RssAnon, bytes
	cpu         time.Duration // user and system
	descriptors int
	objects     map[string]int // links, programs, maps that it holds
	entries     map[string]int // in each of its hash maps
	figures     figures
}

func (w *world) snapshot(ctx context.Context) (s snapshot, err error) {
	s.after = time.Since(w.begun)
	s.made, s.failed = w.made()
	s.told = w.agent.told.Load()
	proc := filepath.Join("/proc", strconv.Itoa(w.agent.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return s, err
	}
	s.resident, s.private = sizeOf(string(status), "VmRSS"), sizeOf(string(status), "RssAnon")
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return s, err
	}
	if s.cpu, err = cpuTime(string(stat)); err != nil {
		return s, err
	}
	if err := s.look(proc); err != nil {
		return s, err
	}
	s.figures, err = w.agent.metrics(ctx)
	return s, err
}

// sizeOf reads a size of /proc/PID/status, in bytes.
func sizeOf(status, key string) uint64 {
	for line := range strings.Lines(status) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == key+":" && f[2] == "kB" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// cpuTime reads utime and stime, the 14th and 15th field of /proc/PID/stat (proc_pid_stat(5)), in hundredths of a second.
func cpuTime(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields", len(fields))
	}
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(errUser, errSystem)
}

// look counts the descriptors of a process, and the BPF objects among them.
func (s *snapshot) look(proc string) error {
	infos, err := os.ReadDir(filepath.Join(proc, "fdinfo"))
	if err != nil {
		return err
	}
	s.descriptors, s.objects, s.entries = len(infos), map[string]int{}, map[string]int{}
	for _, info := range infos {
		text, err := os.ReadFile(filepath.Join(proc, "fdinfo", info.Name()))
		if err != nil { // closed meanwhile
			continue
		}
		kind, id := objectOf(string(text))
		if kind == "" {
			continue
		}
		s.objects[kind]++
		if kind == "maps" {
			if err := s.countEntries(ebpf.MapID(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// objectOf reads what BPF object a descriptor is (proc_pid_fdinfo(5)). A link names its program, too.
func objectOf(fdinfo string) (kind string, id uint64) {
	ids := map[string]uint64{}
	for line := range strings.Lines(fdinfo) {
		key, value, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64); err == nil {
			ids[key] = n
		}
	}
	for _, o := range []struct{ key, kind string }{{"link_id", "links"}, {"map_id", "maps"}, {"prog_id", "programs"}} {
		if id, ok := ids[o.key]; ok {
			return o.kind, id
		}
	}
	return "", 0
}

// countEntries counts what a hash map holds.
func (s *snapshot) countEntries(id ebpf.MapID) error {
	m, err := ebpf.NewMapFromID(id)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into map %d: %w", id, err)
	}
	defer func() { _ = m.Close() }()
	if m.Type() != ebpf.Hash && m.Type() != ebpf.LRUHash {
		return nil
	}
	info, err := m.Info()
	if err != nil {
		return err
	}
	key, value := make([]byte, m.KeySize()), make([]byte, m.ValueSize())
	n := 0
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		n++
	}
	if err := entries.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) { // aborted: it changes while it is read
		return fmt.Errorf("look into %s: %w", info.Name, err)
	}
	s.entries[fmt.Sprintf("%s (of %d)", info.Name, m.MaxEntries())] += n
	return nil
}
