package proxylog

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/event"
)

// An error of BoringSSL is the number of a library, shifted by 24, and a reason (ERR_PACK in its include/openssl/err.h).
const (
	libShift   = 24
	reasonMask = 0xfff
	libSystem  = 2  // ERR_LIB_SYS: the reason is an errno
	libSSL     = 16 // ERR_LIB_SSL
)

func (q queued) lib() uint32    { return q.code >> libShift }
func (q queued) reason() uint32 { return q.code & reasonMask }

// receivedAlert is what is added to the number of an alert from the peer to make an error of it (SSL_AD_REASON_OFFSET).
const receivedAlert = 1000

// cause is the error that began it: the first, unless a later one is of the TLS library and the first is of one beneath it. An alert
// from the peer says more than that it answered the ClientHello.
func (w words) cause() queued {
	first := w.errors[0]
	for _, q := range w.errors {
		if q.lib() == libSSL && first.lib() != libSSL && first.lib() != libSystem {
			first = q
		}
	}
	return first
}

// name spells the reason of an error: as the log does, else by its number.
func (q queued) name(spell func(reason int) string) string {
	switch {
	case isName(q.text):
		return q.text
	case q.lib() == libSSL && spell != nil:
		return spell(int(q.reason()))
	}
	return ""
}

// isName: capitals, digits and underscores, with a letter first, of a length that a name may have.
func isName(s string) bool {
	const longest = 64
	if s == "" || len(s) > longest || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// errno names an error of the operating system, or "" if Linux has no such number.
func (q queued) errno() string { return unix.ErrnoName(syscall.Errno(q.reason())) }

// library is what BoringSSL said, in the words of [event.Library].
func (w words) library(side event.Side, spell func(int) string) *event.Library {
	l := &event.Library{Name: "BoringSSL", Side: side}
	if w.bare != "" {
		l.Name, l.ErrorText = "Envoy", w.bare
		return l
	}
	q := w.cause()
	l.ErrorText = q.name(spell)
	if q.lib() == libSSL {
		l.ErrorCode = int64(q.reason())
	} else if l.ErrorText == "" {
		l.ErrorText = "error " + itoa(q.code)
	}
	w.verify(l)
	return l
}

// impliedSide is the side on which only such an error can come up, or unknown: servers alone miss a client's certificate or are
// spoken to in HTTP, clients alone get an answer to their hello and are told that a certificate is required.
func (w words) impliedSide() event.Side {
	for _, q := range w.errors {
		switch q.text {
		case "PEER_DID_NOT_RETURN_A_CERTIFICATE", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "NO_SHARED_CIPHER":
			return event.Server
		case "HANDSHAKE_FAILURE_ON_CLIENT_HELLO", "TLSV1_ALERT_CERTIFICATE_REQUIRED", "TLSV1_CERTIFICATE_REQUIRED":
			return event.Client
		}
	}
	return event.Unknown
}

// errnoName names an errno that is written as a number, or returns "".
func errnoName(digits string) string {
	n, err := strconv.ParseUint(digits, 10, 12)
	if err != nil {
		return ""
	}
	return unix.ErrnoName(syscall.Errno(n))
}
