package main

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf/btf"
)

func TestCheckLayout(t *testing.T) {
	field := func(offset, bits btf.Bits) btf.Member {
		return btf.Member{Name: "f", Type: u16T, Offset: offset, BitfieldSize: bits}
	}
	for name, c := range map[string]struct {
		members []btf.Member
		size    uint32
		want    error
	}{
		"natural":                {sockT.Members, sockT.Size, nil},
		"bitfields":              {flagsT.Members, flagsT.Size, nil},
		"union of a pointer":     {contextT.Members, contextT.Size, nil},
		"packed":                 {packedT.Members, packedT.Size, ErrLayout},
		"aligned to more":        {[]btf.Member{{Name: "a", Type: u32T}}, 64, ErrLayout},
		"field in the next unit": {[]btf.Member{field(0, 10), field(16, 10)}, 4, nil},
		"field across units":     {[]btf.Member{field(0, 10), field(10, 10)}, 4, ErrLayout},
		"unnamed field between":  {[]btf.Member{field(0, 1), field(3, 1)}, 2, ErrLayout},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkLayout(c.members, c.size); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
