package library

import "fmt"

// boringMarks are functions of libcrypto and of libssl by which BoringSSL, and its fork AWS-LC, are told from OpenSSL and
// LibreSSL, which have ERR_put_error too. Every TLS connection uses the first, so the linker keeps it in a program.
const (
	boringCryptoMark = "CRYPTO_BUFFER_new"
	boringSSLMark    = "SSL_CTX_set_grease_enabled"
)

// boringSymbols are all that are looked up, so that it takes one walk through the tables.
var boringSymbols = []string{
	boringCryptoMark, boringSSLMark, markLibcrypto,
	"ERR_put_error", "SSL_get_error", verifyGetter, depthGetter,
}

// minSources is how many files of BoringSSL's ssl folder have to be named in a file that it is linked into: Bun has 28.
const minSources = 8

// findBoringSSL finds BoringSSL in a file: its libcrypto, its libssl, or a program that it is linked into, stripped or not.
// It returns nil if BoringSSL is not there, or only the part of it that is not TLS.
func findBoringSSL(img *Image) (*Target, error) {
	symbols := img.Symbols(boringSymbols...)
	if t := boringFromSymbols(img, symbols); t != nil {
		return t, nil
	}
	if symbols[markLibcrypto] != 0 {
		return nil, nil // OpenSSL: spares a search of node's 60 MB of constants
	}
	names, err := sourcesIn(img, "ssl")
	if err != nil {
		return nil, fmt.Errorf("search for BoringSSL's source names: %w", err)
	}
	if len(names.names) < minSources {
		return nil, nil
	}
	return boringFromCalls(img, names)
}

// boringFromSymbols finds what the symbols name; nil if the file is not BoringSSL's, or if they name no probe.
func boringFromSymbols(img *Image, symbols map[string]uint64) *Target {
	if symbols[boringCryptoMark] == 0 && symbols[boringSSLMark] == 0 {
		return nil
	}
	t := &Target{Family: BoringSSL}
	hasErrors := t.addPoint(img, ProbePutError, symbols["ERR_put_error"])
	t.addPoint(img, ProbeGetError, symbols["SSL_get_error"])
	t.addVerify(img, symbols[verifyGetter], symbols[depthGetter])
	if len(t.Points) == 0 {
		return nil
	}
	if hasErrors && t.Layout.VerifyError == 0 {
		t.Note = "the place of the verify result was not found: a refused certificate shows without its X509 error"
	}
	return t
}

// boringFromCalls finds the error function in a stripped file by the calls that name BoringSSL's source files.
func boringFromCalls(img *Image, names *sources) (*Target, error) {
	t := &Target{Family: BoringSSL}
	calls, ok := errorCallsOf(img.Machine())
	if !ok {
		t.Note = fmt.Sprintf("stripped, and code for %s cannot be read: nothing is seen", img.Machine())
		return t, nil
	}
	var verifies []uint64
	counted, err := countCalls(img, names, calls.noting(verifySource, &verifies))
	if err != nil {
		return nil, fmt.Errorf("search for BoringSSL's error calls: %w", err)
	}
	best := counted.best()
	if !best.clear() || !t.addPoint(img, ProbePutError, best.target) {
		t.Note = fmt.Sprintf("stripped, and no function has a clear majority of the error calls (%d, the next %d): nothing is seen",
			best.votes, best.next)
		return t, nil
	}
	t.Note = "stripped: errors are seen, the verify result and SSL_get_error are not"
	results, err := verifyResults(img, verifies)
	if err != nil {
		return nil, fmt.Errorf("search for BoringSSL's verify result: %w", err)
	}
	if len(results) == 1 && t.addPoint(img, ProbeVerifyCode, results[0]) {
		t.Note = "stripped: errors and the results of the library's own verification are seen, SSL_get_error is not"
	}
	return t, nil
}

// addPoint adds a probe at a function, unless the address is 0 or no code of the file's.
func (t *Target) addPoint(img *Image, probe Probe, addr uint64) bool {
	offset, ok := img.Offset(addr)
	if addr == 0 || !ok || !within(img.Executable(), addr) {
		return false
	}
	t.Points = append(t.Points, Point{Probe: probe, Offset: offset})
	return true
}

// addVerify adds the verify result, if the getters' code says where it and its depth are.
func (t *Target) addVerify(img *Image, result, depth uint64) {
	field, ok := returnedField(img, result)
	if !ok || field == 0 || !t.addPoint(img, ProbeVerifyResult, result) {
		return
	}
	t.Layout.VerifyError = field
	t.Layout.VerifyDepth, _ = returnedField(img, depth)
}
