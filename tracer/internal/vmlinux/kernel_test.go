package main

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// Types of a very small kernel.
var (
	u8T    = &btf.Typedef{Name: "__u8", Type: &btf.Int{Name: "unsigned char", Size: 1}}
	u16T   = &btf.Typedef{Name: "__u16", Type: &btf.Int{Name: "short unsigned int", Size: 2}}
	u32T   = &btf.Typedef{Name: "__u32", Type: &btf.Int{Name: "unsigned int", Size: 4}}
	u64T   = &btf.Typedef{Name: "u64", Type: &btf.Typedef{Name: "__u64", Type: &btf.Int{Name: "long long unsigned int", Size: 8}}}
	charT  = &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}
	intT   = &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	knodeT = &btf.Struct{Name: "kernfs_node", Size: 16, Members: []btf.Member{{Name: "count", Type: intT}, {Name: "id", Type: u64T, Offset: 64}}}
	lockT  = &btf.Typedef{Name: "socket_lock_t", Type: &btf.Struct{Size: 8, Members: []btf.Member{
		{Name: "slock", Type: intT}, {Name: "owned", Type: intT, Offset: 32},
	}}}
	addressT = &btf.Union{Size: 4, Members: []btf.Member{
		{Name: "skc_addr", Type: u32T},
		{Type: &btf.Struct{Size: 4, Members: []btf.Member{{Name: "skc_dport", Type: u16T}, {Name: "skc_num", Type: u16T, Offset: 16}}}},
	}}
	sockT = &btf.Struct{Name: "sock", Size: 40, Members: []btf.Member{
		{Type: addressT},
		{Name: "sk_err", Type: intT, Offset: 32},
		{Name: "sk_lock", Type: lockT, Offset: 64},
		{Name: "sk_node", Type: &btf.Pointer{Target: &btf.Const{Type: knodeT}}, Offset: 128},
		{Name: "sk_comm", Type: &btf.Array{Index: intT, Type: charT, Nelems: 16}, Offset: 192},
	}}
	flagsT = &btf.Struct{Name: "flags", Size: 4, Members: []btf.Member{
		{Name: "port", Type: u16T},
		{Name: "doff", Type: u16T, Offset: 16, BitfieldSize: 4},
		{Name: "rst", Type: u16T, Offset: 20, BitfieldSize: 1},
		{Name: "rest", Type: u16T, Offset: 21, BitfieldSize: 11},
	}}
	contextT = &btf.Struct{Name: "context", Size: 16, Members: []btf.Member{
		{Name: "len", Type: u32T},
		{Type: &btf.Union{Size: 8, Members: []btf.Member{{Name: "sk", Type: &btf.Pointer{Target: sockT}}}}, Offset: 64},
	}}
	// Packed by an attribute: len would lie at byte 4.
	packedT = &btf.Struct{Name: "packed", Size: 5, Members: []btf.Member{{Name: "kind", Type: u8T}, {Name: "len", Type: u32T, Offset: 8}}}
	mapsT   = &btf.Enum{Name: "bpf_map_type", Size: 4, Values: []btf.EnumValue{{Name: "BPF_MAP_TYPE_HASH", Value: 1}, {Name: "BPF_MAP_TYPE_ARRAY", Value: 2}}}
	anyT    = &btf.Enum{Size: 4, Values: []btf.EnumValue{{Name: "BPF_ANY"}, {Name: "BPF_NOEXIST", Value: 1}}}
	minusT  = &btf.Enum{Name: "minus", Size: 4, Signed: true, Values: []btf.EnumValue{{Name: "MINUS_ONE", Value: ^uint64(0)}}}
)

// smallKernel encodes the types above as a kernel does, and decodes them.
func smallKernel(t *testing.T) *btf.Spec {
	t.Helper()
	b, err := btf.NewBuilder([]btf.Type{sockT, flagsT, contextT, packedT, mapsT, anyT, minusT, u8T}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}
