package tracer

import (
	"strings"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/library"
	"github.com/tlstrace/tlstrace/tracer/library/names"
)

// remoteAlert is where the numbers of received alerts begin, in every family (see REMOTE_ALERT in bpf/library.h).
const remoteAlert = 1000

var families = map[bpfFamily]library.Family{
	bpfFamilyFAMILY_OPENSSL:   library.OpenSSL,
	bpfFamilyFAMILY_BORINGSSL: library.BoringSSL,
	bpfFamilyFAMILY_GO:        library.Go,
	bpfFamilyFAMILY_GNUTLS:    library.GnuTLS,
}

// finder finds the library of a family that a process uses.
type finder func(pid int, family library.Family) (library.Target, bool)

// library is what the TLS library of an end said: of two, the one that had a reason of its own before one that only heard an
// alert, and of two reasons the earlier, because the other's is often but what it made of that.
func (c connection) library(find finder) *event.Library {
	var best *half
	for _, h := range c.ends() {
		if weight(h) > 0 && (best == nil || outweighs(h, best)) {
			best = h
		}
	}
	if best == nil {
		return nil
	}
	return describe(&best.handshake, find)
}

func outweighs(a, b *half) bool {
	if x, y := weight(a), weight(b); x != y {
		return x > y
	}
	return a.handshake.ErrorSaid.Ns < b.handshake.ErrorSaid.Ns
}

// weight ranks what an end's library said. A verify result is no failure by itself, but one that the side then acted on, by
// leaving, is worth as much as an error.
func weight(h *half) int {
	said := &h.handshake.ErrorSaid
	own := said.Family != 0 && int32(said.Reason) < remoteAlert
	verified := judges(said)
	switch {
	case verified && own:
		return 4
	case own, verified && isLocal(h):
		return 3
	case verified:
		return 2
	case said.Family != 0:
		return 1
	}
	return 0
}

// judges says whether what was said has the result of verifying a certificate. Of Go's errors only some are about one.
func judges(said *bpfLibraryError) bool {
	if bpfFamily(said.Verifier) == bpfFamilyFAMILY_GO {
		return strings.HasPrefix(library.GoErrorType(said.Verify), "x509.")
	}
	return said.Verify != 0
}

func describe(h *bpfHandshake, find finder) *event.Library {
	said := &h.ErrorSaid
	family, known := families[bpfFamily(said.Family)]
	if !known {
		family = families[bpfFamily(said.Verifier)]
	}
	target, _ := find(int(h.Pid), family)
	if family == "" { // a kernel without cookies, and a verify result only
		var found bool
		if target, found = find(int(h.Pid), library.OpenSSL); !found {
			target, _ = find(int(h.Pid), library.BoringSSL)
		}
		family = target.Family
	}
	l := &event.Library{Name: string(family), Version: target.Version, Side: sideOf(h, bpfCloserCLOSER_LOCAL)}
	if known {
		l.ErrorCode = int64(int32(said.Reason))
		l.ErrorText = names.Reason(family, int(int32(said.Reason)))
	}
	switch {
	case bpfFamily(said.Verifier) == bpfFamilyFAMILY_GO:
		describeGo(l, said)
	case said.Verify != 0:
		l.VerifyCode, l.VerifyDepth = int(said.Verify), int(said.Depth)
		l.VerifyText, _ = names.Verify(family, target.Version, int(said.Verify))
	}
	l.GetError = getErrors[said.GetError]
	return l
}

// getErrors are the results of SSL_get_error that are neither success nor progress (OpenSSL's ssl.h; BoringSSL's are the same).
var getErrors = map[uint8]string{
	1: "SSL_ERROR_SSL", 4: "SSL_ERROR_WANT_X509_LOOKUP", 5: "SSL_ERROR_SYSCALL", 6: "SSL_ERROR_ZERO_RETURN",
	7: "SSL_ERROR_WANT_CONNECT", 8: "SSL_ERROR_WANT_ACCEPT",
}
