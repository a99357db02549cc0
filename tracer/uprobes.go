package tracer

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// uprobe is how a probe of a library is attached: a program for the place and, for some, one for the function's return.
type uprobe struct {
	probe    library.Probe
	entry    string
	exit     string
	deep     bool // runs on the data path, too: only when asked for
	fallback bool // noisier: only where the function that raises fatal errors alone was not found
}

var uprobes = []uprobe{
	{probe: library.ProbeStatemFatal, entry: bpfProgOpensslStatemFatal},
	{probe: library.ProbeStatemFatal111, entry: bpfProgOpensslStatemFatal111},
	{probe: library.ProbeRecordFatal, entry: bpfProgOpensslRecordFatal},
	{probe: library.ProbeSetError, entry: bpfProgOpensslSetError, fallback: true},
	{probe: library.ProbePutError, entry: bpfProgPutError, fallback: true},
	{probe: library.ProbeVerifyResult, entry: bpfProgVerifyResult},
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

// attachPoint attaches the programs of a point to a file.
func attachPoint(
	path string, p library.Point, target library.Target, programs map[string]*ebpf.Program, cookies bool,
) ([]link.Link, error) {
	u, ok := uprobeOf(p.Probe)
	if !ok {
		return nil, fmt.Errorf("no program for probe %s", p.Probe)
	}
	file, err := link.OpenExecutable(path)
	if err != nil {
		return nil, err
	}
	options := &link.UprobeOptions{Address: p.Offset}
	if cookies {
		options.Cookie = cookie(p.Probe, target)
	}
	entry, err := file.Uprobe("", programs[u.entry], options)
	if err != nil {
		return nil, refusal(err)
	}
	if u.exit == "" {
		return []link.Link{entry}, nil
	}
	exit, err := file.Uretprobe("", programs[u.exit], options)
	if err != nil {
		return nil, errors.Join(refusal(err), entry.Close())
	}
	return []link.Link{entry, exit}, nil
}

// cookie tells a program what it needs to know of this file: see attach_cookie in bpf/library.h, and GO_COOKIE_ in bpf/go.h.
func cookie(p library.Probe, t library.Target) uint64 {
	l := t.Layout
	switch p {
	case library.ProbeVerifyResult:
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
