package library

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// The functions of crypto/tls that are looked for. None of them is ever inlined: they are far too large.
const (
	goAlert           = "crypto/tls.(*Conn).sendAlertLocked"
	goClientHandshake = "crypto/tls.(*Conn).clientHandshake"
	goServerHandshake = "crypto/tls.(*Conn).serverHandshake"
	goClientCert      = "crypto/tls.(*Conn).processCertsFromClient"
)

// findGo finds Go's crypto/tls in a program or shared object that the Go linker made, stripped or not: the names of functions
// stay in the table that the runtime itself needs for its stack traces. It returns nil if the file is no Go program, or one
// that has no crypto/tls.
//
// # What a probe finds
//
// A pointer is 8 bytes. Arguments and results are in registers, in this order (Go's ABIInternal, from 1.17 on, the same in
// Go 1.22 to 1.26): RAX, RBX, RCX on amd64; R0, R1, R2 on arm64. The goroutine is in R14 on amd64, R28 on arm64.
//
// At [ProbeGoAlert], the start of sendAlertLocked, the first is the *Conn and the lowest byte of the second is the alert. The
// other bytes are undefined. 0 is close_notify: the end of a healthy connection.
//
// At [ProbeGoHandshake], a RET, the first is the error's itab, 0 if the handshake succeeded, and the second its data. To tell
// an alert that was received from every other error, follow these words and stop at the first that cannot be read:
//
//	opError = *(u64 *)(data + 8)      // permanentError.err is an interface: itab at 0, data at 8
//	text    = *(u64 *)(opError + 0)   // net.OpError.Op: pointer at 0 ...
//	length  = *(u64 *)(opError + 8)   // ... and length at 8
//	alert   = *(u64 *)(opError + 72)  // net.OpError.Err is an interface at 64: its data
//	code    = *(u8 *)alert            // of type crypto/tls.alert, a uint8
//
// It is a received alert if length is 12 and text is "remote error". "local error", of length 11, is one that sendAlertLocked
// has told already. The only other Op of 12 bytes in the standard library is net/http's "proxyconnect", which no connection returns.
// Text and code are in the program's read-only data, which the program has not read itself by then and which may
// therefore not be in memory: a probe that cannot sleep then fails to read them. Layout.GoAlerts gives the code without: alert points
// into a table of 256 words, of which the address is known up to where the program was loaded, so that
//
//	code = ((alert - GoAlerts) & 0xfff) / 8
//
// holds wherever it is (pages are 4096 bytes or a multiple, the table has 2048). If the quotient has a remainder or is above 255, alert
// points elsewhere and was no alert.
//
// Any other error has a type whose hash is in its itab: hash = *(u32 *)(itab + 16), which [GoErrorType] names. Of a
// CertificateVerificationError what counts is the error inside:
//
//	inner  = *(u64 *)(data + 24), *(u64 *)(data + 32)  // CertificateVerificationError.Err: itab and data
//	reason = *(u64 *)(inner data + 8)                  // CertificateInvalidError.Reason
//	detail = *(u64 *)(inner data + 16)                 // the text of its Detail
//
// and an *errors.errorString is its text: pointer at 0, length at 8.
//
// The *Conn itself is on the stack at a RET: *(u64 *)(SP + GoReceiver), where the compiler keeps the first argument, above the arguments that
// are on the stack. GoReceiver is 0 where it does not do that.
//
// # From a connection to its descriptor
//
//	itab = *(u64 *)(conn + 0)        // Conn.conn, a net.Conn
//	hash = *(u32 *)(itab + 16)       // of the type inside
//	tcp  = *(u64 *)(conn + 8)        // if hash is GoTCPConn: *net.TCPConn
//	net  = *(u64 *)(tcp + 0)         // *net.netFD
//	fd   = *(u32 *)(net + GoFD)
//
// A type's hash is made by the compiler of the type's full name alone ("*net.TCPConn") and is the same in every program that a release of Go
// builds. Where it differs, the program wraps its connections, and there is no descriptor to be had.
func findGo(img *Image) (*Target, error) {
	table, err := findFunctionTable(img)
	if table == nil || err != nil {
		return nil, err
	}
	functions, err := table.find(goAlert, goClientHandshake, goServerHandshake, goClientCert)
	if len(functions) == 0 || err != nil {
		return nil, err
	}
	base, err := table.textBase()
	if err != nil {
		return nil, err
	}
	for name, f := range functions {
		f.start, f.end = f.start+base, f.end+base
		functions[name] = f
	}
	version := goVersion(img)
	t := &Target{Family: Go, Version: version, Layout: goLayout(version)}
	t.note(goVersionNote(version))
	t.addGoAlert(img, functions)
	t.addGoReturns(img, functions)
	return t, nil
}

// addGoAlert adds the start of sendAlertLocked.
func (t *Target) addGoAlert(img *Image, functions map[string]goFunction) {
	f, ok := functions[goAlert]
	code := f.code(img)
	offset, mapped := img.Offset(code.start())
	if !ok || !mapped {
		t.note("sendAlertLocked was not found: alerts that are sent are not seen")
		return
	}
	t.Points = append(t.Points, Point{ProbeGoAlert, offset})
	t.Layout.GoAlerts = code.smallIntegers(img)
}

// goReturns are the functions whose RET instructions tell an error, with the probe for each and what is not seen without it.
var goReturns = []struct {
	function string
	probe    Probe
	loss     string
}{
	{goClientHandshake, ProbeGoHandshake, "what a client returns is not seen"},
	{goServerHandshake, ProbeGoServer, "what a server returns is not seen"},
	{goClientCert, ProbeGoClientCert, "why a server refuses a client's certificate is not seen"},
}

// addGoReturns adds the RET instructions.
func (t *Target) addGoReturns(img *Image, functions map[string]goFunction) {
	receivers := map[Probe]uint32{}
	for _, r := range goReturns {
		f, ok := functions[r.function]
		if !ok { // the program is no client, or no server, and the linker has left it out
			continue
		}
		code := f.code(img)
		returns, err := code.returns()
		if err != nil || len(returns) == 0 {
			t.note(fmt.Sprintf("the end of %s was not found: %s", strings.TrimPrefix(r.function, "crypto/tls.(*Conn)."), r.loss))
			continue
		}
		receivers[r.probe] = code.receiver()
		for _, addr := range returns {
			if offset, ok := img.Offset(addr); ok {
				t.Points = append(t.Points, Point{r.probe, offset})
			}
		}
	}
	t.Layout.GoCertReceiver = receivers[ProbeGoClientCert]
	t.Layout.GoReceiver = common(receivers, ProbeGoHandshake, ProbeGoServer)
}

// common returns what all of the probes that are there have in common, 0 if they differ.
func common(receivers map[Probe]uint32, probes ...Probe) uint32 {
	var all []uint32
	for _, p := range probes {
		if r, ok := receivers[p]; ok {
			all = append(all, r)
		}
	}
	if len(all) == 0 || slices.Min(all) != slices.Max(all) {
		return 0
	}
	return all[0]
}

// note adds a sentence to what could not be found.
func (t *Target) note(what string) {
	if t.Note != "" && what != "" {
		t.Note += "; "
	}
	t.Note += what
}

// goFunction is where a function lies: virtual addresses, end not included.
type goFunction struct{ start, end uint64 }

// maxGoFunction bounds the code that is read of one function. The largest of ours has 4 KB.
const maxGoFunction = 64 << 10

// code reads the function's instructions.
func (f goFunction) code(img *Image) goCode {
	size := f.end - f.start
	if size > maxGoFunction || !isExecutable(img, f.start) {
		return goCode{}
	}
	return goCode{addr: f.start, bytes: img.Bytes(f.start, int(size)), machine: img.Machine()}
}

// isExecutable says whether an address is in a segment of code.
func isExecutable(img *Image, addr uint64) bool {
	p := img.segment(addr)
	return p != nil && p.Flags&elf.PF_X != 0
}
