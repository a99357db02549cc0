package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// A program can accept every certificate in the handshake and judge the result later, in its own code. In a stripped file the
// result is found where BoringSSL has it last before that: in ssl_crypto_x509_session_verify_cert_chain (ssl/ssl_x509.cc), which
// sets up the verification for the peer's role by name, calls X509_verify_cert(ctx), loads ctx->error, extends it to a long, stores
// it in the session and branches on what the call returned. The long is also the argument of the next function, that makes an
// alert of it, so that compilers load it into the register of a first argument.
const (
	verifySource   = "ssl_x509.cc"
	verifyCertName = "x509_vfy.cc" // the source file of X509_verify_cert
	clientRole     = "ssl_client"
	serverRole     = "ssl_server"
	rareInRole     = 3 // where the roles have their underscore
)

// Bounds of the search.
const (
	maxRoles      = 8    // copies of a role's name
	aroundError   = 2048 // bytes of code before and after an error call of the function
	betweenRoles  = 64   // bytes between the loads of the two names
	afterRoles    = 512  // bytes from there to the result
	longestNaming = 192  // bytes of X509_verify_cert in which it names its source file
	storedWithin  = 4    // instructions from the load of the result to where it is stored, and from there to the branch
)

// verifier finds the place at which the result of a verification is known.
type verifier struct {
	img            *Image
	client, server []uint64 // addresses of the roles' names
}

// verifyResults returns the addresses of the instructions before which the result is in the register of the first argument,
// near the places that name the function's source file. All but one would be a guess.
func verifyResults(img *Image, near []uint64) ([]uint64, error) {
	v := verifier{img: img}
	for role, addrs := range map[string]*[]uint64{clientRole: &v.client, serverRole: &v.server} {
		copies, err := copiesOf(img, role, rareInRole)
		if err != nil {
			return nil, err
		}
		*addrs = copies
	}
	found := map[uint64]bool{}
	for _, at := range near {
		begin, code := around(img, at)
		for _, start := range v.setUps(begin, code) {
			if place, ok := v.result(start, code[start-begin:]); ok {
				found[place] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// around is the code before and after an address, as far as its segment goes.
func around(img *Image, at uint64) (begin uint64, code []byte) {
	for _, s := range img.Executable() {
		if at-s.Addr < s.Size {
			begin = max(at, s.Addr+aroundError) - aroundError
			return begin, img.Bytes(begin, 2*aroundError)
		}
	}
	return at, nil
}

// setUps returns where instructions begin after the names of both roles have been loaded.
func (v verifier) setUps(addr uint64, code []byte) []uint64 {
	loads := loadsX86
	if v.img.Machine() == elf.EM_AARCH64 {
		loads = loadsAArch64
	}
	var found []uint64
	servers := loads(code, addr, v.server)
	for _, c := range loads(code, addr, v.client) {
		for _, s := range servers {
			if last := max(c, s); last-min(c, s) <= betweenRoles {
				found = append(found, last)
			}
		}
	}
	return found
}

func (v verifier) result(addr uint64, code []byte) (uint64, bool) {
	code = code[:min(len(code), afterRoles)]
	if v.img.Machine() == elf.EM_AARCH64 {
		return v.resultAArch64(addr, code)
	}
	return v.resultX86(addr, code)
}

// isNamed says that a C string at an address ends like the path of a source file.
func (v verifier) isNamed(addr uint64, file string) bool {
	name, _, ended := bytes.Cut(v.img.Bytes(addr, maxSourceName), []byte{0})
	return ended && strings.HasSuffix(string(name), "/"+file)
}

// copiesOf returns the addresses of a C string among the constants. Its byte at rare is what is searched for.
func copiesOf(img *Image, s string, rare int) ([]uint64, error) {
	var found []uint64
	want := append([]byte(s), 0)
	for _, c := range constants(img) {
		err := img.Walk(c, len(want)-1, func(addr uint64, piece []byte) bool {
			eachByte(piece, rare, len(piece), want[rare], func(i int) {
				at := addr + uint64(i-rare)
				if len(found) < maxRoles && bytes.HasPrefix(piece[i-rare:], want) && !slices.Contains(found, at) {
					found = append(found, at)
				}
			})
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// littleEndian is the 32 bit number at i, or false behind the end.
func littleEndian(code []byte, i int) (uint32, bool) {
	if i < 0 || i+4 > len(code) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(code[i:]), true
}
