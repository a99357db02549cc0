package tracer

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// uprobe is how a probe of a library is attached: a program for the place and, for some, one for the function's return.
type uprobe struct {
	probe library.Probe
	entry string
	exit  string
	deep  bool // runs on the data path, too: only when asked for, or in a process that is followed
	// standsFor are better places in an OpenSSL, quieter or cheaper: this one is for processes in which none of them was found.
	standsFor []library.Probe
}

// raisers are the functions that raise fatal errors alone.
var raisers = []library.Probe{library.ProbeStatemFatal, library.ProbeStatemFatal111}

var uprobes = []uprobe{
	{probe: library.ProbeStatemFatal, entry: bpfProgOpensslStatemFatal},
	{probe: library.ProbeStatemFatal111, entry: bpfProgOpensslStatemFatal111},
	{probe: library.ProbeRecordFatal, entry: bpfProgOpensslRecordFatal},
	{probe: library.ProbeSetError, entry: bpfProgOpensslSetError, standsFor: raisers},
	{probe: library.ProbePutError, entry: bpfProgPutError, standsFor: raisers},
	{probe: library.ProbeVerifyCall, entry: bpfProgVerifyCall},
	{probe: library.ProbeVerifyResult, entry: bpfProgVerifyResult, standsFor: []library.Probe{library.ProbeVerifyCall}},
	{probe: library.ProbeVerifyCode, entry: bpfProgVerifyCode},
	{probe: library.ProbeGoAlert, entry: bpfProgGoAlert},
	{probe: library.ProbeGoHandshake, entry: bpfProgGoHandshake},
	{probe: library.ProbeGoClientCert, entry: bpfProgGoHandshake},
	{probe: library.ProbeGoServer, entry: bpfProgGoHandshake, deep: true},
	{probe: library.ProbeGnuTLSAlert, entry: bpfProgGnutlsAlertSend},
	{probe: library.ProbeGnuTLSError, entry: bpfProgGnutlsError},
	{probe: library.ProbeGnuTLSVerify, entry: bpfProgGnutlsVerify, exit: bpfProgGnutlsVerifyReturn},
	{probe: library.ProbeGetError, entry: bpfProgSslGetError, exit: bpfProgSslGetErrorReturn, deep: true},
}

func uprobeOf(p library.Probe) (uprobe, bool) {
	for _, u := range uprobes {
		if u.probe == p {
			return u, true
		}
	}
	return uprobe{}, false
}

// uprobePrograms are the names of all programs for libraries.
func uprobePrograms() []string {
	var names []string
	for _, u := range uprobes {
		names = append(names, u.entry)
		if u.exit != "" {
			names = append(names, u.exit)
		}
	}
	return names
}

// hasAttachCookie tells whether a uprobe can be told about the file that it is in (Linux 5.15, commit 7adfc6c9b315).
func hasAttachCookie() bool {
	return features.HaveProgramHelper(ebpf.Kprobe, asm.FnGetAttachCookie) == nil
}

// prober attaches the programs for libraries.
type prober struct {
	programs map[string]*ebpf.Program
	cookies  bool
	// multi: one link holds all places of a program in a file (Linux 6.6, commit 89ae89f53d20). Else each place has a perf event of its own,
	// and taking it out waits for a grace period of its own.
	multi bool
}

func hasMulti() bool { return features.HaveBPFLinkUprobeMulti() == nil }

func uprobesAtOnce(*kernel) error {
	if !hasMulti() {
		return errors.New("the kernel has no link for many places at once")
	}
	return nil
}

// uprobePMU is there if the kernel is built with uprobes.
const uprobePMU = "/sys/bus/event_source/devices/uprobe/type"

func hasUprobes(*kernel) error {
	if _, err := os.Stat(uprobePMU); err != nil {
		return errors.New("the kernel is built without uprobes")
	}
	return nil
}

func uprobeWithCookie(k *kernel) error {
	if err := hasUprobes(k); err != nil {
		return err
	}
	if !hasAttachCookie() {
		return errNoCookie
	}
	return nil
}

func uprobeWithoutCookie(k *kernel) error {
	if err := hasUprobes(k); err != nil {
		return err
	}
	if hasAttachCookie() {
		return errCookie
	}
	return nil
}

// forMulti makes the programs such that they can be attached to many places at once.
func forMulti(spec *ebpf.CollectionSpec) {
	for _, name := range uprobePrograms() {
		spec.Programs[name].AttachType = ebpf.AttachTraceUprobeMulti
	}
}

// attach attaches the programs of a probe to all places of it in a file, or to none. They run for one process, or for all if pid is 0.
func (p *prober) attach(path string, probe library.Probe, points []library.Point, target library.Target, pid int) ([]link.Link, error) {
	u, ok := uprobeOf(probe)
	if !ok {
		return nil, fmt.Errorf("no program for probe %s", probe)
	}
	file, err := link.OpenExecutable(path)
	if err != nil {
		return nil, err
	}
	at := places{file: file, cookie: cookie(probe, target), pid: pid}
	for _, point := range points {
		at.offsets = append(at.offsets, point.Offset)
	}
	links, err := p.enter(at, p.programs[u.entry], false)
	if err != nil || u.exit == "" {
		return links, err
	}
	exits, err := p.enter(at, p.programs[u.exit], true)
	if err != nil {
		return nil, errors.Join(err, closeAll(links))
	}
	return append(links, exits...), nil
}

// places are where in a file a program belongs.
type places struct {
	file    *link.Executable
	offsets []uint64
	cookie  uint64
	pid     int // 0 for all processes
}

// enter attaches a program to the places themselves, or to the returns of the functions that begin there.
func (p *prober) enter(at places, program *ebpf.Program, returns bool) ([]link.Link, error) {
	if p.multi {
		return p.enterAtOnce(at, program, returns)
	}
	var links []link.Link
	for _, offset := range at.offsets {
		options := &link.UprobeOptions{Address: offset, PID: at.pid}
		if p.cookies {
			options.Cookie = at.cookie
		}
		attach := at.file.Uprobe
		if returns {
			attach = at.file.Uretprobe
		}
		l, err := attach("", program, options)
		if err != nil {
			return nil, errors.Join(refusal(err), closeAll(links))
		}
		links = append(links, l)
	}
	return links, nil
}

func (p *prober) enterAtOnce(at places, program *ebpf.Program, returns bool) ([]link.Link, error) {
	options := &link.UprobeMultiOptions{
		Addresses: at.offsets, Cookies: slices.Repeat([]uint64{at.cookie}, len(at.offsets)), PID: uint32(at.pid), //nolint:gosec // pids are not negative
	}
	attach := at.file.UprobeMulti
	if returns {
		attach = at.file.UretprobeMulti
	}
	l, err := attach(nil, program, options)
	if err != nil {
		return nil, refusal(err)
	}
	return []link.Link{l}, nil
}

func closeAll(links []link.Link) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// cookie tells a program what it needs to know of this file: see attach_cookie in bpf/library.h, and GO_COOKIE_ in bpf/go.h.
func cookie(p library.Probe, t library.Target) uint64 {
	l := t.Layout
	switch p {
	case library.ProbeVerifyCall, library.ProbeVerifyResult:
		return uint64(l.VerifyError&0xffff) | uint64(l.VerifyDepth&0xffff)<<16 | uint64(kernelFamily(t.Family))<<32
	case library.ProbeGoAlert:
		return uint64(l.GoFD&0xffff) | uint64(l.GoTCPConn)<<32
	case library.ProbeGoHandshake, library.ProbeGoServer:
		return goCookie(l, l.GoReceiver)
	case library.ProbeGoClientCert:
		return goCookie(l, l.GoCertReceiver)
	}
	return 0
}

func goCookie(l library.Layout, receiver uint32) uint64 {
	c := uint64(receiver&0xfff) | uint64(l.GoVerification)<<32
	if l.GoAlerts != 0 {
		c |= l.GoAlerts&0xfff<<12 | 1<<24
	}
	return c
}

// kernelFamily is the number of a family on the kernel side.
func kernelFamily(f library.Family) bpfFamily {
	for number, family := range families {
		if family == f {
			return number
		}
	}
	return bpfFamilyFAMILY_NONE
}
