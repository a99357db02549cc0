package proxylog

import (
	"strconv"
	"strings"
)

// maxErrors bounds the errors of one queue; BoringSSL keeps 16 (ERR_NUM_ERRORS in its err.h).
const maxErrors = 16

// words are what a proxy wrote about a failed handshake.
type words struct {
	errors []queued // in their order: the first is the cause
	detail string   // Envoy's own finding about the certificate, since 1.37
	bare   string   // said without a code
}

// queued is one error of BoringSSL's queue, as Envoy prints it (SslSocket::drainErrorQueue in source/common/tls/ssl_socket.cc).
type queued struct {
	code uint32
	text string // of the reason; "" if the library has none
}

// Openings and end of what Envoy writes. In access logs blanks may be underscores: Envoy replaces them in response code details, and
// newer releases in the failure reasons of text formats as well.
const (
	secretMissing = "Secret is not supplied by SDS"
	wordsEnd      = ":TLS_error_end"
)

var wordsBegin = []string{"TLS_error:", "TLS error:"}

// parseWords reads Envoy's words from the beginning of s: "TLS_error:|268435581:SSL routines:OPENSSL_internal:NAME:TLS_error_end", before
// 1.24 "TLS error: 268435581:SSL routines:OPENSSL_internal:NAME". Nothing may come before them or after
// their end; a log may have cut them short.
func parseWords(s string) (words, bool) {
	var w words
	rest, begun := s, false
	for _, begin := range wordsBegin {
		if after, ok := strings.CutPrefix(s, begin); ok {
			rest, begun = after, true
		}
	}
	if !begun {
		return words{}, false
	}
	rest, ended := strings.CutSuffix(rest, wordsEnd)
	if !ended && strings.Contains(rest, `"`) { // what comes after a quote is of another field: only details may hold one
		return words{}, false
	}
	rest = strings.TrimLeft(rest, "| _")
	if blanks(rest) == secretMissing {
		return words{bare: secretMissing}, true
	}
	for len(w.errors) < maxErrors {
		q, after, ok := nextError(rest)
		if !ok {
			break
		}
		w.errors = append(w.errors, q)
		rest = after
	}
	w.detail = strings.TrimLeft(rest, ":|")
	return w, len(w.errors) > 0
}

// findWords reads Envoy's words out of a response code detail: upstream_reset_before_response_started{connection_failure|TLS_error:...}.
func findWords(detail string) (words, bool) {
	_, inside, ok := strings.Cut(detail, "{")
	if !ok {
		return words{}, false
	}
	inside = strings.TrimSuffix(inside, "}")
	for _, begin := range wordsBegin {
		if at := strings.Index(inside, begin); at > 0 && (inside[at-1] == '|' || inside[at-1] == ',') {
			return parseWords(inside[at:])
		}
	}
	return words{}, false
}

// nextError reads one error and returns what follows it. Errors are joined by | or :, and by a blank before 1.24.
func nextError(s string) (queued, string, bool) {
	s = strings.TrimLeft(s, "|: _")
	digits := leadingDigits(s)
	code, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || code < 1<<24 {
		return queued{}, s, false
	}
	q := queued{code: uint32(code)}
	rest, found := strings.CutPrefix(s[len(digits):], ":")
	if !found {
		return q, s[len(digits):], true
	}
	for range 2 { // the names of the library and of the function
		_, after, found := strings.Cut(rest, ":")
		if !found {
			return q, "", true
		}
		rest = after
	}
	end := reasonEnd(rest)
	q.text = rest[:end]
	if q.text == "(null)" || q.text == "-" {
		q.text = ""
	}
	return q, rest[end:], true
}

// reasonEnd finds where the name of a reason ends: at a separator, or before the code of the next error.
func reasonEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '|', ':':
			return i
		case ' ', '_':
			if n := len(leadingDigits(s[i+1:])); n >= minCode && i+1+n < len(s) && s[i+1+n] == ':' {
				return i
			}
		}
	}
	return len(s)
}

// minCode is the number of digits of the smallest code there is: 1<<24.
const minCode = 8

func leadingDigits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n]
}

// blanks undoes the replacement of blanks by underscores, and so loses underscores that were there: for comparisons only.
func blanks(s string) string { return strings.ReplaceAll(s, "_", " ") }
