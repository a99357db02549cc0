package main

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf/btf"
)

func TestDeclare(t *testing.T) {
	pointer := func(to btf.Type) btf.Type { return &btf.Pointer{Target: to} }
	array := func(of btf.Type, n uint32) btf.Type { return &btf.Array{Index: intT, Type: of, Nelems: n} }
	constant := func(of btf.Type) btf.Type { return &btf.Const{Type: of} }
	for want, typ := range map[string]btf.Type{
		"int x":                       intT,
		"void *x":                     pointer(&btf.Void{}),
		"char **x":                    pointer(pointer(charT)),
		"const char *x":               pointer(constant(charT)),
		"char *const x":               constant(pointer(charT)),
		"const char *const x":         constant(pointer(constant(charT))),
		"volatile unsigned int x":     &btf.Volatile{Type: &btf.Int{Name: "unsigned int", Size: 4}},
		"char x[2][3]":                array(array(charT, 3), 2),
		"char *x[2]":                  array(pointer(charT), 2),
		"char (*x)[2]":                pointer(array(charT, 2)),
		"struct sock *x":              pointer(sockT),
		"union later *x":              pointer(&btf.Fwd{Name: "later", Kind: btf.FwdUnion}),
		"enum bpf_map_type x":         mapsT,
		"struct {\n\tint count;\n} x": &btf.Struct{Size: 4, Members: []btf.Member{{Name: "count", Type: intT}}},
		"__u32 x":                     &btf.TypeTag{Type: u32T, Value: "rcu"},
	} {
		got, err := declare(typ, "x", "")
		if err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestDeclareRefusesWhatItCannotWrite(t *testing.T) {
	for name, typ := range map[string]btf.Type{
		"function":     &btf.Pointer{Target: &btf.FuncProto{Return: &btf.Void{}}},
		"unnamed enum": anyT,
	} {
		if text, err := declare(typ, "x", ""); !errors.Is(err, errCannotDeclare) {
			t.Errorf("%s: got %q, %v", name, text, err)
		}
	}
}
