package tracer

import (
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

// library is what the TLS library of an end said: of two, that of the side that left of its own accord, because the other's
// is often but what it made of that; then the one that had a reason of its own before one that only heard an alert.
func (c connection) library(find finder) *event.Library {
	var best *half
	for _, h := range c.ends() {
		if weight(h) > 0 && (best == nil || weight(h) > weight(best)) {
			best = h
		}
	}
	if best == nil {
		return nil
	}
	return describe(&best.handshake, find)
}

func weight(h *half) int {
	said := &h.handshake.ErrorSaid
	own := said.Family != 0 && said.Reason < remoteAlert
	w := 0
	switch {
	case said.Verify != 0 && own:
		w = 4
	case own:
		w = 3
	case said.Verify != 0:
		w = 2
	case said.Family != 0:
		w = 1
	}
	if w > 1 && isLocal(h) {
		w += 4
	}
	return w
}

func describe(h *bpfHandshake, find finder) *event.Library {
	said := &h.ErrorSaid
	family, known := families[bpfFamily(said.Family)]
	target, found := library.Target{}, false
	if known {
		target, found = find(int(h.Pid), family)
	} else if target, found = find(int(h.Pid), library.OpenSSL); !found {
		target, found = find(int(h.Pid), library.BoringSSL)
	}
	if !known && found {
		family = target.Family
	}
	l := &event.Library{Name: string(family), Version: target.Version, Side: sideOf(h, bpfCloserCLOSER_LOCAL)}
	if known {
		l.ErrorCode = int64(said.Reason)
		l.ErrorText = names.Reason(family, int(said.Reason))
	}
	if said.Verify != 0 {
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
