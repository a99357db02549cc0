package library

import (
	"slices"
)

// Instructions of A64 around the result of a verification, as mask and value, beside those of boringssl_aarch64.go.
const (
	armAdd, armAddMask               = 0x91000000, 0xffc00000 // add xN, xN, #imm12
	armMoveTo0, armMoveTo0Mask       = 0xaa0003e0, 0xffe0ffff // mov x0, xN
	armLoadLong, armLoadLongMask     = 0xb9800000, 0xffc0001f // ldrsw x0, [xN, #imm]
	armStoreLong, armStoreLongMask   = 0xf9000000, 0xffc0001f // str x0, [xN, #imm]
	armKeepReturn, armKeepReturnMask = 0x2a0003e0, 0xffffffe0 // mov wN, w0
	armCompare0, armCompare0Mask     = 0x7100001f, 0xfffffc1f // cmp wN, #0
	armIfAbove, armIfAboveMask       = 0x5400000c, 0xff00001e // b.gt label, b.le label
	armStackPointer                  = 31
)

// loadsAArch64 returns where the instructions end that load one of the addresses: ADD, with an ADRP before it.
func loadsAArch64(code []byte, addr uint64, names []uint64) []uint64 {
	var found []uint64
	for i := int(-addr & 3); ; i += 4 {
		word, ok := littleEndian(code, i)
		if !ok {
			return found
		}
		if word&armAddMask != armAdd {
			continue
		}
		name := pageBefore(code, i, addr, word>>5&31) + uint64(word>>10&0xfff)
		if slices.Contains(names, name) {
			found = append(found, addr+uint64(i+4))
		}
	}
}

// resultAArch64 looks for: mov x0, ctx; bl X509_verify_cert; mov wN, w0; ldrsw x0, [ctx, #n]; ...; str x0, [session, #m]; ...; cmp
// wN, #0; b.le.
func (v verifier) resultAArch64(addr uint64, code []byte) (uint64, bool) {
	for i := 0; ; i += 4 {
		word, ok := littleEndian(code, i)
		if !ok {
			return 0, false
		}
		if word&armLoadLongMask == armLoadLong && v.verifiedAArch64(addr, code[:i], word>>5&31) && keepsAArch64(code[i+4:]) {
			return addr + uint64(i+4), true
		}
	}
}

// verifiedAArch64 says that the code ends in a call of X509_verify_cert with what is in a register, and one instruction that
// keeps what it returned.
func (v verifier) verifiedAArch64(addr uint64, code []byte, ctx uint32) bool {
	at := len(code) - 8 // of the call
	keep, ok := littleEndian(code, at+4)
	call, _ := littleEndian(code, at)
	move, hasMove := littleEndian(code, at-4)
	if !ok || !hasMove || keep&armKeepReturnMask != armKeepReturn || call&armCallMask != armCall {
		return false
	}
	target := addr + uint64(at) + uint64(int64(int32(call<<6)>>4))
	return move&armMoveTo0Mask == armMoveTo0 && move>>16&31 == ctx && v.isVerifyCertAArch64(target)
}

// isVerifyCertAArch64 says that a function names the source file of X509_verify_cert for errors that it raises soon.
func (v verifier) isVerifyCertAArch64(addr uint64) bool {
	code := v.img.Bytes(addr, longestNaming)
	for i := 0; ; i += 4 {
		word, ok := littleEndian(code, i)
		if !ok {
			return false
		}
		name := pageBefore(code, i, addr, word>>5&31) + uint64(word>>10&0xfff)
		if word&armAddX3Mask == armAddX3 && v.isNamed(name, verifyCertName) {
			return true
		}
	}
}

// keepsAArch64 says that the result in X0 is stored and what the call returned compared with 0, and that then the code branches on
// whether that is above 0 or not.
func keepsAArch64(code []byte) bool {
	stored, compared := false, false
	for i := range 2 * storedWithin {
		word, _ := littleEndian(code, 4*i)
		switch {
		case word&armStoreLongMask == armStoreLong:
			stored = word>>5&31 != armStackPointer
		case word&armCompare0Mask == armCompare0:
			compared = true
		case word&armIfAboveMask == armIfAbove:
			return stored && compared
		}
	}
	return false
}
