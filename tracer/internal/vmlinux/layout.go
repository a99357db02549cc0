package main

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// ErrLayout says that a structure's members, written in C without attributes, would not lie where the kernel has them.
var ErrLayout = errors.New("laid out by an attribute that BTF does not tell")

// checkLayout compares the offsets in BTF with those that the C ABI of BPF gives to the members, and the size in bytes.
func checkLayout(members []btf.Member, size uint32) error {
	var end, align btf.Bits = 0, 8
	for _, m := range members {
		at, bits, unit, err := place(m, end)
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		if at != m.Offset {
			return fmt.Errorf("member %s at bit %d, in C at %d: %w", m.Name, m.Offset, at, ErrLayout)
		}
		end, align = at+bits, max(align, unit)
	}
	if got := roundUp(end, align) / 8; uint32(got) != size {
		return fmt.Errorf("%d bytes, in C %d: %w", size, got, ErrLayout)
	}
	return nil
}

// place returns where a member lies that follows the bit end, its size and its alignment, all in bits.
func place(m btf.Member, end btf.Bits) (at, bits, unit btf.Bits, err error) {
	size, err := btf.Sizeof(m.Type)
	if err != nil {
		return 0, 0, 0, err
	}
	align, err := alignment(m.Type)
	if err != nil {
		return 0, 0, 0, err
	}
	bits, unit = btf.Bits(size)*8, btf.Bits(align)*8
	if m.BitfieldSize == 0 {
		return roundUp(end, unit), bits, unit, nil
	}
	if end/bits != (end+m.BitfieldSize-1)/bits { // a bitfield does not cross its type's boundary
		end = roundUp(end, bits)
	}
	return end, m.BitfieldSize, unit, nil
}

// alignment returns the natural alignment of a type in bytes; parts of a structure are checked on the way.
func alignment(t btf.Type) (int, error) {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Array:
		return alignment(t.Type)
	case *btf.Struct:
		if err := checkLayout(t.Members, t.Size); err != nil {
			return 0, err
		}
		return widest(t.Members)
	case *btf.Union:
		return widest(t.Members)
	default:
		return btf.Sizeof(t)
	}
}

func widest(members []btf.Member) (int, error) {
	align := 1
	for _, m := range members {
		a, err := alignment(m.Type)
		if err != nil {
			return 0, err
		}
		align = max(align, a)
	}
	return align, nil
}

func roundUp(n, unit btf.Bits) btf.Bits {
	return (n + unit - 1) / unit * unit
}
