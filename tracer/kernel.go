package tracer

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// kernel answers questions about the running kernel's types.
type kernel struct {
	spec *btf.Spec
	err  error
	// readable: programs may read kernel memory, which lockdown=confidentiality forbids. Loading then takes bpf_probe_read_user away, too, for a
	// kernel that does not tell the two apart.
	readable bool
}

func newKernel() *kernel {
	spec, err := btf.LoadKernelSpec()
	return &kernel{spec: spec, err: err, readable: canReadKernel()}
}

// params returns the number of parameters of a kernel function.
func (k *kernel) params(function string) (int, error) {
	if k.err != nil {
		return 0, k.err
	}
	var f *btf.Func
	if err := k.spec.TypeByName(function, &f); err != nil {
		return 0, fmt.Errorf("the kernel has no function %s", function)
	}
	return protoParams(f.Type)
}

// tracepointParams returns the number of parameters of a raw tracepoint's function, the private one included.
func (k *kernel) tracepointParams(name string) (int, error) {
	if k.err != nil {
		return 0, k.err
	}
	var t *btf.Typedef
	if err := k.spec.TypeByName("btf_trace_"+name, &t); err != nil {
		return 0, fmt.Errorf("the kernel has no tracepoint %s", name)
	}
	ptr, ok := t.Type.(*btf.Pointer)
	if !ok {
		return 0, fmt.Errorf("the kernel's tracepoint %s has an unknown form", name)
	}
	return protoParams(ptr.Target)
}

func protoParams(t btf.Type) (int, error) {
	proto, ok := t.(*btf.FuncProto)
	if !ok {
		return 0, fmt.Errorf("%v is no function", t)
	}
	return len(proto.Params), nil
}

// enumNames returns the names of a kernel enumeration's values. It is empty if the kernel has no such enumeration.
func (k *kernel) enumNames(enum string) map[uint32]string {
	names := map[uint32]string{}
	var e *btf.Enum
	if k.err != nil || k.spec.TypeByName(enum, &e) != nil {
		return names
	}
	for _, v := range e.Values {
		names[uint32(v.Value)] = v.Name
	}
	return names
}
