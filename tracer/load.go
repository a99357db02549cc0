package tracer

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Bounds of what [Options] may ask for.
const (
	minRingBytes   = 64 << 10
	minMaxInflight = 64
)

// loaded is what is in the kernel.
type loaded struct {
	collection *ebpf.Collection
	links      []link.Link // kept: a link that nobody references is closed by the garbage collector
	chosen     map[Purpose]*variant
	multi      bool // programs for libraries are for many places at once
}

// load chooses variants, loads their programs and attaches them. On an error nothing is left behind.
func load(o Options, k *kernel, cgroup string) (_ *loaded, err error) {
	// Kernels before 5.11 account BPF memory to this limit. Where it may not be raised it is not needed, or loading says so.
	limitErr := rlimit.RemoveMemlock()
	l := &loaded{chosen: map[Purpose]*variant{}}
	defer func() {
		if err != nil {
			_ = l.Close()
		}
	}()
	if err := l.choose(o, k); err != nil {
		return nil, err
	}
	spec, err := l.spec(o)
	if err != nil {
		return nil, err
	}
	if l.collection, err = ebpf.NewCollection(spec); err != nil {
		return nil, errors.Join(explainLoad(err), limitErr)
	}
	return l, l.attach(o.Capture, cgroup)
}

func (l *loaded) choose(o Options, k *kernel) error {
	for _, h := range hooksOf(o) {
		if isWire(h.purpose) && o.Capture == CaptureLight {
			continue
		}
		forced := o.Variants[h.purpose]
		v, report := h.choose(k, forced)
		if v == nil && (h.required || forced != "") {
			return fmt.Errorf("%w: %s: %s", ErrNotSupported, h.purpose, report.whyNot(forced))
		}
		if v != nil {
			l.chosen[h.purpose] = v
		}
	}
	return nil
}

// spec is the object with only the chosen programs, sized and configured.
func (l *loaded) spec(o Options) (*ebpf.CollectionSpec, error) {
	spec, err := loadBpf()
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, v := range l.chosen {
		keep[v.program] = true
	}
	libraries := l.chosen[PurposeLibraries]
	if libraries != nil {
		for _, name := range uprobePrograms() {
			keep[name] = true
		}
	}
	for name := range spec.Programs {
		if !keep[name] {
			delete(spec.Programs, name)
		}
	}
	if l.multi = libraries != nil && libraries.name == "uprobe_multi"; l.multi {
		forMulti(spec)
	}
	size(spec, o)
	return spec, l.configure(spec, o)
}

func size(spec *ebpf.CollectionSpec, o Options) {
	ring := max(o.RingBytes, minRingBytes)
	spec.Maps[bpfMapEvents].MaxEntries = 1 << bits.Len(uint(ring-1))
	inflight := uint32(max(o.MaxInflight, minMaxInflight))
	spec.Maps[bpfMapInflight].MaxEntries = inflight
	spec.Maps[bpfMapHellos].MaxEntries = max(inflight/4, minMaxInflight)
	if o.Capture == CaptureAll {
		spec.Maps[bpfMapLights].MaxEntries, spec.Maps[bpfMapNoticed].MaxEntries = minMaxInflight, minMaxInflight
	}
}

func (l *loaded) configure(spec *ebpf.CollectionSpec, o Options) error {
	set := map[string]bool{
		bpfVarReportSuccesses: o.Successes,
		bpfVarReportNoise:     o.Noise,
		bpfVarCanReadKernel:   canReadKernel(),
		bpfVarFindLibraries:   l.chosen[PurposeLibraries] != nil,
		bpfVarHasCookie:       hasAttachCookie(),
		bpfVarSelective:       o.Capture != CaptureAll,
		bpfVarResetHooked:     l.chosen[PurposeResetSent] != nil,
	}
	if v := l.chosen[PurposeResetSent]; v != nil {
		set[bpfVarResetHookFollows] = v.follows
		set[bpfVarResetHasReason] = v.hasReason
	}
	for name, value := range set {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return limit(spec, o)
}

// attach attaches what was chosen, in the order of hooks; but the wire only if it is looked at everywhere.
func (l *loaded) attach(capture Capture, cgroup string) error {
	for _, h := range hooks {
		v := l.chosen[h.purpose]
		if v == nil || v.attach == nil || isWire(h.purpose) && capture != CaptureAll {
			continue
		}
		at, err := v.attach(cgroup, l.collection.Programs[v.program])
		if err != nil {
			return fmt.Errorf("attach %s by %s: %w", h.purpose, v.name, explainLoad(err))
		}
		l.links = append(l.links, at)
	}
	return nil
}

// explainLoad adds the sentinel by which a caller decides. The verifier refuses with EACCES, which is no matter of
// permissions; its last words are kept.
func explainLoad(err error) error {
	switch {
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: the kernel's verifier refuses a program: %w", ErrNotSupported, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: %w", ErrPermission, refusal(err))
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	return err
}

// Close detaches and unloads, the last attached first.
func (l *loaded) Close() error {
	var errs []error
	for i := len(l.links) - 1; i >= 0; i-- {
		errs = append(errs, l.links[i].Close())
	}
	l.links = nil
	if l.collection != nil {
		l.collection.Close()
	}
	return errors.Join(errs...)
}
