package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// verifyCalls returns the places in a libssl that call X509_STORE_CTX_get_error: ssl_verify_cert_chain does, whatever has verified the
// chain, and the function that builds a program's own chain when it fails. It returns all of them, or none if one is no call
// that can be emulated.
func verifyCalls(img *Image) []uint64 {
	functions := img.frames()
	places := img.callers(verifyGetter)
	for _, at := range places {
		begin, _, ok := functions.function(at)
		if !ok || at-begin > longestFunction || !img.isCall(begin, at) {
			return nil
		}
	}
	return places
}

// longestFunction bounds what is decoded to see where instructions begin. ssl_verify_cert_chain takes some 500 bytes.
const longestFunction = 1 << 16

// returnedField decodes a function that does nothing but return an int of the structure that it is given, and returns the
// offset of that int: OpenSSL's structures are opaque and move from release to release.
func returnedField(img *Image, addr uint64) (offset uint32, ok bool) {
	code := img.Bytes(addr, 32)
	switch img.Machine() {
	case elf.EM_X86_64:
		return returnedFieldAMD64(code)
	case elf.EM_AARCH64:
		return returnedFieldARM64(code)
	}
	return 0, false
}

func returnedFieldAMD64(code []byte) (uint32, bool) {
	code = bytes.TrimPrefix(code, endbr64)
	code = bytes.TrimPrefix(code, []byte{0x55, 0x48, 0x89, 0xe5}) // PUSH RBP; MOV RBP, RSP
	switch {
	case len(code) >= 3 && code[0] == 0x8b && code[1] == 0x47: // MOV EAX, [RDI+disp8]
		return uint32(code[2]), code[2] < 0x80
	case len(code) >= 6 && code[0] == 0x8b && code[1] == 0x87: // MOV EAX, [RDI+disp32]
		offset := binary.LittleEndian.Uint32(code[2:])
		return offset, offset < largestStructure
	}
	return 0, false
}

// largestStructure bounds an offset that is believed. X509_STORE_CTX takes some 300 bytes.
const largestStructure = 4096

func returnedFieldARM64(code []byte) (uint32, bool) {
	code = bytes.TrimPrefix(code, btiC)
	if len(code) < 4 {
		return 0, false
	}
	load := binary.LittleEndian.Uint32(code)
	offset := load >> 10 & 0xfff * 4
	return offset, load&0xffc003ff == 0xb9400000 && offset < largestStructure // LDR W0, [X0, #imm]
}
