package tracer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
)

// variant is one way to serve a purpose.
type variant struct {
	name    string
	program string // in the object
	// usable asks the kernel; nil means yes. The error says why not.
	usable func(k *kernel) error
	// attach is nil for the variants of PurposeLibraries: a prober attaches those when it has found a library.
	attach func(cgroup string, p *ebpf.Program) (link.Link, error)
	loss   string // what this variant does not see
	// follows says that the hook runs after the packet has left, hasReason that it is told the reason of a reset.
	follows, hasReason bool
}

// hook is one purpose with its variants, best first.
type hook struct {
	purpose  Purpose
	required bool
	loss     string // what is not seen without any of them
	variants []variant
}

// hooks is everything that tlstrace attaches. The order is the order of attachment: sockets come last, so that no
// connection is followed before its bytes can be seen.
var hooks = []hook{
	{purpose: PurposeEgress, required: true, variants: []variant{
		{name: "cgroup_skb", program: bpfProgPacketSent, usable: hasProgram(ebpf.CGroupSKB), attach: toCgroup(ebpf.AttachCGroupInetEgress)},
	}},
	{purpose: PurposeIngress, required: true, variants: []variant{
		{name: "cgroup_skb", program: bpfProgPacketReceived, usable: hasProgram(ebpf.CGroupSKB), attach: toCgroup(ebpf.AttachCGroupInetIngress)},
	}},
	{
		purpose: PurposeResetSent,
		loss:    "resets that this machine sends are still seen on the wire, but not the kernel's reason for them",
		variants: []variant{
			// Those that are told the reason come first. Where the compiler has changed the function's parameters, as in Debian's 6.12, that is
			// the tracepoint alone.
			{name: "fentry", program: bpfProgResetSentFentryReason, usable: fentryWithReason, attach: toTracing, hasReason: true},
			{name: "kprobe", program: bpfProgResetSentKprobe, usable: kprobeWithReason, attach: toKprobe(activeReset), hasReason: true},
			{name: "tracepoint", program: bpfProgResetSentTracepointReason, usable: tracepointWithReason, attach: toTracing, follows: true, hasReason: true},
			{name: "fentry", program: bpfProgResetSentFentry, usable: fentryWithoutReason, attach: toTracing, loss: noReason},
			{name: "kprobe", program: bpfProgResetSentKprobe, usable: kprobeWithoutReason, attach: toKprobe(activeReset), loss: noReason},
			{name: "tracepoint", program: bpfProgResetSentTracepoint, usable: tracepointWithoutReason, attach: toTracing, follows: true, loss: noReason},
		},
	},
	{
		purpose: PurposeResetReceive,
		loss:    "resets that arrive are still known from the socket's error, but not the moment of their arrival",
		variants: []variant{
			{name: "tracepoint", program: bpfProgResetReceivedTracepoint, usable: hasTracepoint("tcp_receive_reset"), attach: toTracing},
		},
	},
	{
		purpose: PurposeRefused,
		loss:    "a connection that NAT sends to a port where nobody listens is told as refused, not as a broken redirect",
		variants: []variant{
			{name: "tracepoint", program: bpfProgSynRefused, usable: tracepointWithoutSocket, attach: toTracing},
		},
	},
	{
		purpose: PurposeDestroyed,
		loss:    "what a library said of a connection that the peer has reset may be told of the thread's next one",
		variants: []variant{
			{name: "tracepoint", program: bpfProgSocketDestroyed, usable: hasTracepoint("tcp_destroy_sock"), attach: toTracing},
		},
	},
	{
		purpose: PurposeLibraries,
		loss:    "no TLS library is asked: reasons are what the wire tells",
		variants: []variant{
			{name: "uprobe_multi", usable: uprobesAtOnce},
			{name: "uprobe", usable: uprobeWithCookie},
			{name: "uprobe", usable: uprobeWithoutCookie, loss: noCookie},
		},
	},
	{purpose: PurposeSockets, required: true, variants: []variant{
		{name: "sock_ops", program: bpfProgSocketEvent, usable: hasProgram(ebpf.SockOps), attach: toCgroup(ebpf.AttachCGroupSockOps)},
	}},
}

// isWire says that a purpose is served by a hook that runs for every packet.
func isWire(p Purpose) bool {
	return p == PurposeIngress || p == PurposeEgress
}

const activeReset = "tcp_send_active_reset"

// Losses of variants.
const (
	noReason = "the kernel's reason for a reset that this machine sends is not told"
	noCookie = "probes are not told which file they are in: what Go found wrong with a certificate is not told, and OpenSSL's verify result only where its " +
		"structures have the usual layout"
)

func toCgroup(at ebpf.AttachType) func(string, *ebpf.Program) (link.Link, error) {
	return func(cgroup string, p *ebpf.Program) (link.Link, error) {
		return link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: at, Program: p})
	}
}

func toTracing(_ string, p *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: p})
}

func toKprobe(symbol string) func(string, *ebpf.Program) (link.Link, error) {
	return func(_ string, p *ebpf.Program) (link.Link, error) { return link.Kprobe(symbol, p, nil) }
}

func hasProgram(t ebpf.ProgramType) func(*kernel) error {
	return func(*kernel) error { return features.HaveProgramType(t) }
}

var (
	errReason     = errors.New("the function takes a reason on this kernel: another form of the program is used")
	errNoReason   = errors.New("the function takes no reason on this kernel")
	errCookie     = errors.New("probes are told which file they are in on this kernel: another form is used")
	errNoCookie   = errors.New("probes are not told which file they are in on this kernel")
	errNoFentry   = errors.New("the kernel has no trampolines from functions to programs")
	errUnreadable = errors.New("programs may not read kernel memory (lockdown=confidentiality)")
)

func fentryWithReason(k *kernel) error    { return all(k, resetTakesReason, loadsFentry) }
func fentryWithoutReason(k *kernel) error { return all(k, resetTakesNoReason, loadsFentry) }
func kprobeWithReason(k *kernel) error    { return all(k, resetTakesReason, hasKprobes) }
func kprobeWithoutReason(k *kernel) error { return all(k, resetTakesNoReason, hasKprobes) }

func tracepointWithReason(k *kernel) error {
	return all(k, hasTracepoint("tcp_send_reset"), tracepointTakesReason)
}

// tracepointWithoutSocket: the tracepoint also fires where there is no socket since Linux 6.10 (commit 19822a980e19), the release in which it
// is told the reason.
func tracepointWithoutSocket(k *kernel) error {
	err := tracepointWithReason(k)
	if errors.Is(err, errNoReason) {
		return errors.New("the tracepoint does not fire where there is no socket on this kernel")
	}
	return err
}

func tracepointWithoutReason(k *kernel) error {
	if err := hasTracepoint("tcp_send_reset")(k); err != nil {
		return err
	}
	if tracepointTakesReason(k) == nil {
		return errReason
	}
	return nil
}

func all(k *kernel, checks ...func(*kernel) error) error {
	for _, check := range checks {
		if err := check(k); err != nil {
			return err
		}
	}
	return nil
}

// resetTakesReason: the third argument came with Linux 6.10 (commit 5691276b39da).
func resetTakesReason(k *kernel) error {
	n, err := k.params(activeReset)
	if err != nil {
		return err
	}
	if n < 3 {
		return errNoReason
	}
	return nil
}

func resetTakesNoReason(k *kernel) error {
	switch err := resetTakesReason(k); {
	case err == nil:
		return errReason
	case errors.Is(err, errNoReason):
		return nil
	default:
		return err
	}
}

// tracepointTakesReason: btf_trace_ functions begin with a private argument, then come sk, skb and, since Linux 6.10, the reason.
func tracepointTakesReason(k *kernel) error {
	n, err := k.tracepointParams("tcp_send_reset")
	if err != nil {
		return err
	}
	if n < 4 {
		return errNoReason
	}
	return nil
}

// loadsFentry attaches an fentry program that does nothing: BTF alone does not tell, since lockdown, a missing ftrace or a
// missing trampoline refuse it late. On arm64, ftrace can be led to a trampoline since Linux 6.4 (commit 2aa6ac03516d).
func loadsFentry(*kernel) error {
	err := try(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: activeReset}, toTracing)
	if errors.Is(err, link.ErrNotSupported) {
		return errNoFentry
	}
	return err
}

// kprobePMU is there if the kernel is built with kprobes.
const kprobePMU = "/sys/bus/event_source/devices/kprobe/type"

func hasKprobes(*kernel) error {
	if _, err := os.Stat(kprobePMU); err != nil {
		return errors.New("the kernel is built without kprobes")
	}
	return try(&ebpf.ProgramSpec{Type: ebpf.Kprobe}, toKprobe(activeReset))
}

// hasTracepoint attaches to a raw tracepoint by a program that does nothing.
func hasTracepoint(name string) func(*kernel) error {
	return func(k *kernel) error {
		if _, err := k.tracepointParams(name); err != nil {
			return err
		}
		return try(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: name}, toTracing)
	}
}

// try loads, attaches and removes a program that does nothing.
func try(spec *ebpf.ProgramSpec, attach func(string, *ebpf.Program) (link.Link, error)) error {
	spec.License = "Dual BSD/GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return refusal(err)
	}
	defer func() { _ = p.Close() }()
	l, err := attach("", p)
	if err != nil {
		return refusal(err)
	}
	return l.Close()
}

// refusal is the kernel's own word: hints about limits and logs of the verifier are for debugging, and mislead here.
func refusal(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Errorf("the kernel refuses it: %w", errno)
	}
	return err
}

// hooksOf are the hooks that the options ask for.
func hooksOf(o Options) []hook {
	if !o.NoLibraries {
		return hooks
	}
	return slices.DeleteFunc(slices.Clone(hooks), func(h hook) bool { return h.purpose == PurposeLibraries })
}

// choose returns the best usable variant, or a forced one. It reports on all.
func (h hook) choose(k *kernel, forced string) (*variant, HookReport) {
	report := HookReport{Purpose: h.purpose, Required: h.required}
	var chosen *variant
	for i := range h.variants {
		v := &h.variants[i]
		err := v.ask(k)
		if err == nil && !h.required && !k.readable {
			err = errUnreadable
		}
		report.Variants = append(report.Variants, VariantReport{Name: v.name, Usable: err == nil, Why: v.why(err)})
		if err == nil && chosen == nil && (forced == "" || forced == v.name) {
			chosen = v
		}
	}
	report.Variants = oneEach(report.Variants)
	if chosen == nil {
		report.Loss = h.loss
		return nil, report
	}
	report.Chosen, report.Loss = chosen.name, chosen.loss
	return chosen, report
}

// whyNot says why no variant is usable, or the forced one is not.
func (r HookReport) whyNot(forced string) string {
	for _, v := range r.Variants {
		if forced == "" || v.Name == forced {
			return v.Why
		}
	}
	return "there is no variant " + forced
}

func (v *variant) ask(k *kernel) error {
	if v.usable == nil {
		return nil
	}
	return v.usable(k)
}

func (v *variant) why(err error) string {
	switch {
	case err != nil:
		return err.Error()
	case v.hasReason:
		return "supported; tells the kernel's reason of a reset"
	default:
		return "supported"
	}
}

// oneEach folds the two forms of a variant (with and without a reason) into the one that fits this kernel.
func oneEach(reports []VariantReport) []VariantReport {
	var out []VariantReport
	for _, r := range reports {
		i := slices.IndexFunc(out, func(other VariantReport) bool { return other.Name == r.Name })
		switch {
		case i < 0:
			out = append(out, r)
		case !out[i].Usable && (r.Usable || isFormOnly(out[i].Why)):
			out[i] = r
		}
	}
	return out
}

func isFormOnly(why string) bool {
	return slices.Contains([]string{errReason.Error(), errNoReason.Error(), errCookie.Error(), errNoCookie.Error()}, why)
}
