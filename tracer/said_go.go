package tracer

import (
	"encoding/binary"
	"strings"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/tracer/library"
)

// What the kernel side makes of x509.CertificateInvalidError: its Reason, and a flag (GO_NOT_YET in bpf/go.h).
const (
	goInvalidReason = 0xff
	goNotYet        = 0x100
)

// describeGo says what error a Go handshake returned, by the hash of its type and what tells errors of that type apart. An error
// of another type says no more than the alert that was sent for it.
func describeGo(l *event.Library, said *bpfLibraryError) {
	switch name := library.GoErrorType(said.Verify); {
	case name == library.GoErrorString:
		if words, known := goWords[said.Depth]; known && l.ErrorText == "handshake_failure" {
			l.ErrorText = words
		}
	case name == library.GoCertificateInvalid:
		l.VerifyText, l.VerifyCode = name, int(said.Depth&goInvalidReason)
		if said.Depth&goNotYet != 0 {
			l.VerifyText += " (not yet valid)"
		}
	case strings.HasPrefix(name, "x509."):
		l.VerifyText = name
	}
}

// The errors for which a server sends handshake_failure and that say what the two ends have not in common.
const (
	goNoCipher = "no cipher suite supported by both client and server"
	goNoGroup  = "no key exchanges supported by both client and server"
)

// goWords finds them by four bytes of their text, or by its length if it could not be read (error_detail in bpf/go.h): those of Go 1.22 to
// 1.24 are constants, which may not be in memory.
var goWords = map[uint32]string{
	word("ciph"): goNoCipher, 56: goNoCipher,
	word("key "): goNoGroup, 57: goNoGroup, // Go 1.24
	word("ECDH"): goNoGroup, 55: goNoGroup, // Go 1.22: "no ECDHE curve supported by both client and server"
}

// word is four bytes of text as a number, in the order of this machine, as the kernel side reads them.
func word(text string) uint32 { return binary.NativeEndian.Uint32([]byte(text)) }
