package library

import (
	"regexp"
	"strings"
)

// Functions of OpenSSL by which its files are told from those of BoringSSL and LibreSSL, which have most names in common.
const (
	markLibssl    = "SSL_CONF_CTX_new"
	markLibcrypto = "OPENSSL_LH_new"
)

// Functions of libcrypto that return what came of a verification: an error, and of which certificate.
const (
	verifyGetter = "X509_STORE_CTX_get_error"
	depthGetter  = "X509_STORE_CTX_get_error_depth"
)

// opensslSymbols are all that are looked up, so that it takes one walk through the tables.
var opensslSymbols = []string{
	markLibssl, markLibcrypto, "SSL_get_error", "ossl_statem_fatal", "ossl_rlayer_fatal",
	"ERR_vset_error", "ERR_set_error", "ERR_put_error", verifyGetter, depthGetter,
}

// findOpenSSL returns the target of a libssl, of a libcrypto, or of a file with both in it; nil for any other file.
//
// [ProbeSetError], [ProbePutError] and [ProbeVerifyResult] are always among the points of a libcrypto, since it is not known here
// what the libssl that calls it offers. Whoever attaches leaves the first two out for a process in whose libssl (or in the same
// file) [ProbeStatemFatal] or [ProbeStatemFatal111] was found, which run for handshake failures only, and the last where
// [ProbeVerifyCall] was found. The layout that this needs is that of the libcrypto.
func findOpenSSL(img *Image) (*Target, error) {
	symbols := img.Symbols(opensslSymbols...)
	t := &Target{Family: OpenSSL}
	at := func(p Probe, addr uint64) bool {
		offset, ok := img.Offset(addr)
		if ok = ok && addr != 0; ok {
			t.Points = append(t.Points, Point{Probe: p, Offset: offset})
		}
		return ok
	}
	if symbols[markLibssl] != 0 {
		at(ProbeGetError, symbols["SSL_get_error"])
		t.Note = addRaisers(img, at)
	}
	if symbols[markLibssl] != 0 && symbols[verifyGetter] == 0 {
		for _, call := range verifyCalls(img) {
			at(ProbeVerifyCall, call)
		}
	}
	if symbols[markLibcrypto] != 0 {
		at(ProbeSetError, symbols["ERR_vset_error"])
		at(ProbeSetError, symbols["ERR_set_error"])
		at(ProbePutError, symbols["ERR_put_error"])
		t.Layout, t.Note = addVerifyResult(img, symbols, at, t.Note)
	}
	if len(t.Points) == 0 {
		return nil, nil
	}
	t.Version = img.version("OpenSSL ", opensslText) // a libssl 3.x has none, its libcrypto has
	return t, nil
}

// addRaisers returns what it costs if no function was found.
func addRaisers(img *Image, at func(Probe, uint64) bool) (note string) {
	note = "ossl_statem_fatal was not found: failures are seen in libcrypto's ERR functions, which also run for errors that end no handshake"
	for _, r := range raisers(img) {
		if at(r.probe, r.addr) {
			note = ""
		}
	}
	return note
}

// addVerifyResult needs both the function and the place of the result in the structure.
func addVerifyResult(img *Image, symbols map[string]uint64, at func(Probe, uint64) bool, note string) (Layout, string) {
	code, okCode := returnedField(img, symbols[verifyGetter])
	depth, _ := returnedField(img, symbols[depthGetter])
	if !okCode || !at(ProbeVerifyResult, symbols[verifyGetter]) {
		missing := "the place of the verify result was not found: a refused certificate shows without its X509 error"
		return Layout{}, strings.TrimPrefix(note+"; "+missing, "; ")
	}
	return Layout{VerifyError: code, VerifyDepth: depth}, note
}

// opensslText is OPENSSL_VERSION_TEXT (opensslv.h), such as "OpenSSL 1.1.1w  11 Sep 2023" or "OpenSSL 3.0.15+quic 3 Sep 2024".
var opensslText = regexp.MustCompile(`OpenSSL (\d{1,2}\.\d{1,2}\.\d{1,3}[a-z]{0,2}(?:[-+][0-9a-z.+-]{1,16})?) {1,2}\d{1,2} [A-Z][a-z]{2} \d{4}`)
