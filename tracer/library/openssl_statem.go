package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"
)

// ProbeStatemFatal111 is the entry of ossl_statem_fatal(SSL *s, int alert, int func, int reason, ...) of OpenSSL 1.1.1: there
// the reason is the fourth argument, not the third as in [ProbeStatemFatal].
const ProbeStatemFatal111 Probe = "openssl_statem_fatal_111"

// ProbeRecordFatal is the entry of ossl_rlayer_fatal(OSSL_RECORD_LAYER *rl, int alert, int reason, ...) of OpenSSL 3.2 and
// later. It has the first word on what the record layer fails for (wrong version, plaintext, bad MAC): ossl_statem_fatal
// follows on the same thread and adds only that the record layer failed (reason 313). Its first argument is not the SSL.
const ProbeRecordFatal Probe = "openssl_record_fatal"

// raiser is a function through which libssl fails a handshake.
type raiser struct {
	probe Probe
	addr  uint64
}

// raisers returns the functions through which libssl fails a handshake, ossl_statem_fatal first; none if that is not found.
// They are not exported, and distributions strip their names.
func raisers(img *Image) []raiser {
	_, defined := img.Symbol("ERR_vset_error")
	is111 := !defined && len(img.slots("ERR_vset_error")) == 0 // neither its own nor its libcrypto's
	statem, named := img.Symbol("ossl_statem_fatal")
	switch {
	case named && is111:
		return []raiser{{ProbeStatemFatal111, statem}}
	case named:
		found := []raiser{{ProbeStatemFatal, statem}}
		if record, ok := img.Symbol("ossl_rlayer_fatal"); ok {
			found = append(found, raiser{ProbeRecordFatal, record})
		}
		return found
	case is111:
		return raisers111(img)
	}
	return raisers3(img)
}

// raisers3 looks at the functions that call ERR_vset_error: of those in libssl, ossl_statem_fatal and ossl_rlayer_fatal take
// three arguments and a format, the others (QUIC's) take more. ossl_statem_fatal has by far the most callers.
func raisers3(img *Image) []raiser {
	functions := img.frames()
	called := map[uint64]int{}
	for _, at := range img.callers("ERR_vset_error") {
		begin, end, ok := functions.function(at)
		if ok && raisesReason(img.Machine(), img.Bytes(begin, int(min(end-begin, longestRaiser)))) {
			called[begin] = 0
		}
	}
	best, _ := mostCalled(img, called)
	if len(called) == 0 {
		return nil
	}
	delete(called, best)
	found := []raiser{{ProbeStatemFatal, best}}
	for _, addr := range slices.Sorted(maps.Keys(called)) {
		found = append(found, raiser{ProbeRecordFatal, addr})
	}
	return found
}

// mostCalled counts the direct calls of each function in the map, and returns the one with the most and how many the next has.
func mostCalled(img *Image, called map[uint64]int) (best uint64, next int) {
	img.sites(func(s site) {
		if _, wanted := called[s.to]; wanted && !s.indirect {
			called[s.to]++
		}
	})
	most := -1
	for addr, n := range called {
		switch {
		case n > most:
			best, most, next = addr, n, most
		case n > next:
			next = n
		}
	}
	return best, max(next, 0)
}

// longestRaiser bounds what is read of a function that calls ERR_vset_error; those that are looked for take 276 bytes at most.
const longestRaiser = 512

// raisesReason says that the code of a function that calls ERR_vset_error(lib, reason, fmt, args) takes a variable number of
// arguments after four named ones, and that lib is SSL.
func raisesReason(machine elf.Machine, code []byte) bool {
	switch machine {
	case elf.EM_X86_64:
		return fourNamedAMD64(code) &&
			(bytes.Contains(code, []byte{0xbf, errLibSSL, 0, 0, 0}) || // MOV EDI, 20
				bytes.Contains(code, []byte{0x6a, errLibSSL, 0x5f})) // PUSH 20; POP RDI: clang -Oz
	case elf.EM_AARCH64:
		return hasARM64(code, 0x7fffffe0, 0x128003e0) && // MOVN Wn, #31: __gr_offs is -32, four of eight registers are left
			hasARM64(code, 0xffffffff, 0x52800000|errLibSSL<<5) // MOV W0, #20
	}
	return false
}

// errLibSSL is ERR_LIB_SSL (openssl/err.h).
const errLibSSL = 20

// fourNamedAMD64 looks for va_start's gp_offset = 32, which is 8 for each named argument (System V ABI, AMD64, 3.5.7): by
// MOV m32, imm32, or together with fp_offset = 48 by MOV r64, imm64.
func fourNamedAMD64(code []byte) bool {
	gpOffset := []byte{0x20, 0, 0, 0}
	for at := 0; ; at++ {
		next := bytes.Index(code[at:], gpOffset)
		if next < 0 {
			return false
		}
		at += next
		if bytes.HasPrefix(code[at+4:], []byte{0x30, 0, 0, 0}) || bytes.IndexByte(code[max(0, at-7):at], 0xc7) >= 0 {
			return true
		}
	}
}

func hasARM64(code []byte, mask, want uint32) bool {
	for ; len(code) >= 4; code = code[4:] {
		if binary.LittleEndian.Uint32(code)&mask == want {
			return true
		}
	}
	return false
}

// What tells ossl_statem_fatal of 1.1.1 from the other callers of ERR_put_error: every place in libssl that fails a handshake
// calls it, 400 and more, the next is far behind.
const (
	fewestCallers111 = 100
	aheadOfNext111   = 3
)

// raisers111 takes the function with the most callers among those that call ERR_put_error.
func raisers111(img *Image) []raiser {
	functions := img.frames()
	called := map[uint64]int{}
	for _, at := range img.callers("ERR_put_error") {
		if begin, _, ok := functions.function(at); ok {
			called[begin] = 0
		}
	}
	best, next := mostCalled(img, called)
	if called[best] < fewestCallers111 || called[best] < aheadOfNext111*next {
		return nil
	}
	return []raiser{{ProbeStatemFatal111, best}}
}
