package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
)

// memory is what maps and programs take in the kernel, in bytes, by the kernel's own account (memlock in fdinfo: since Linux
// 6.4 what is allocated, commit 90a5527d7686, before an estimate).
type memory struct {
	maps     []mapMemory
	programs uint64
}

type mapMemory struct {
	name  string
	bytes uint64
}

func (m *memory) addMap(o object) error {
	held, err := ebpf.NewMapFromID(ebpf.MapID(o.id))
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	info, err := held.Info()
	if err != nil {
		return err
	}
	m.maps = append(m.maps, mapMemory{info.Name, o.memlock})
	return nil
}

func (m *memory) total() uint64 {
	sum := uint64(0)
	for _, one := range m.maps {
		sum += one.bytes
	}
	return sum
}

// largest lists the maps that matter, the largest first.
func (m *memory) largest() string {
	maps := slices.SortedFunc(slices.Values(m.maps), func(a, b mapMemory) int { return cmp.Compare(b.bytes, a.bytes) })
	var parts []string
	for _, one := range maps {
		if one.bytes >= mebibyte/20 {
			parts = append(parts, fmt.Sprintf("%s %.2f", one.name, float64(one.bytes)/mebibyte))
		}
	}
	return strings.Join(parts, ", ")
}

const mebibyte = 1 << 20
