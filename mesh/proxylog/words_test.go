package proxylog

import (
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestParseWords(t *testing.T) {
	const verifyFailed = "268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED"
	tests := []struct {
		name, text  string
		cause       uint32 // of the first error; 0 if these are no words
		errors      int
		says, bare  string
		verify      string
		depth       int
		impliedSide event.Side
	}{
		{name: "new", text: "TLS_error:|" + verifyFailed + ":TLS_error_end", cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED"},
		{name: "old", text: "TLS error: " + verifyFailed, cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED"},
		{name: "underscores", text: "TLS_error:|" + strings.ReplaceAll(verifyFailed, " ", "_") + ":TLS_error_end",
			cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED"},
		{name: "old with underscores", text: "TLS_error:_" + strings.ReplaceAll(verifyFailed, " ", "_"), cause: 268435581, errors: 1,
			says: "CERTIFICATE_VERIFY_FAILED"},
		{name: "a detail", text: "TLS_error:|" + verifyFailed +
			":verify cert failed: X509_verify_cert: certificate verification error at depth 2: certificate has expired:TLS_error_end",
			cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED", verify: "X509_V_ERR_CERT_HAS_EXPIRED", depth: 2},
		{name: "a detail of Envoy's own", text: "TLS_error:|" + verifyFailed +
			":verify cert failed: verify SAN list, expected SANs: [a], certificate SANs: [b:c|d]:TLS_error_end",
			cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED", verify: "verify SAN list"},
		{name: "a certificate with the end in its name", text: "TLS_error:|" + verifyFailed +
			":verify cert failed: SAN matcher, certificate SANs are [x:TLS_error_end]:TLS_error_end",
			cause: 268435581, errors: 1, says: "CERTIFICATE_VERIFY_FAILED", verify: "SAN matcher"},
		{name: "a missing certificate", text: "TLS_error:|268435648:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE:" +
			"peer did not provide required client certificate:TLS_error_end",
			cause: 268435648, errors: 1, says: "PEER_DID_NOT_RETURN_A_CERTIFICATE", impliedSide: event.Server},
		{name: "two, joined by a bar", text: "TLS_error:|268435610:SSL routines:OPENSSL_internal:HANDSHAKE_FAILURE_ON_CLIENT_HELLO" +
			"|268436496:SSL routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end",
			cause: 268435610, errors: 2, says: "HANDSHAKE_FAILURE_ON_CLIENT_HELLO", impliedSide: event.Client},
		{name: "two, joined by a colon", text: "TLS error: 268435588:SSL routines:OPENSSL_internal:CLIENTHELLO_TLSEXT:" +
			"268435646:SSL routines:OPENSSL_internal:PARSE_TLSEXT", cause: 268435588, errors: 2, says: "CLIENTHELLO_TLSEXT"},
		{name: "two, joined by a blank", text: "TLS error: 268435588:SSL routines:OPENSSL_internal:CLIENTHELLO_TLSEXT " +
			"268435646:SSL routines:OPENSSL_internal:PARSE_TLSEXT", cause: 268435588, errors: 2, says: "CLIENTHELLO_TLSEXT"},
		{name: "two, joined by an underscore", text: "TLS_error:_268435588:SSL_routines:OPENSSL_internal:CLIENTHELLO_TLSEXT_" +
			"268435646:SSL_routines:OPENSSL_internal:PARSE_TLSEXT", cause: 268435588, errors: 2, says: "CLIENTHELLO_TLSEXT"},
		{name: "an error beneath TLS first", text: "TLS_error:|503316581:Cipher functions:OPENSSL_internal:BAD_DECRYPT" +
			"|268435595:SSL routines:OPENSSL_internal:DECRYPTION_FAILED_OR_BAD_RECORD_MAC:TLS_error_end",
			cause: 268435595, errors: 2, says: "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"},
		{name: "a code without text", text: "TLS error: 268435703", cause: 268435703, errors: 1},
		{name: "a code and no name", text: "TLS_error:|268435703:SSL routines:OPENSSL_internal:(null):TLS_error_end", cause: 268435703, errors: 1},
		{name: "a system error", text: "TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer:TLS_error_end",
			cause: 33554536, errors: 1},
		{name: "no code at all", text: "TLS error: Secret is not supplied by SDS", bare: secretMissing},
		{name: "no code and no blanks", text: "TLS_error:_Secret_is_not_supplied_by_SDS", bare: secretMissing},
		{name: "nothing", text: "-"},
		{name: "words without a code", text: "TLS error: oh no"},
		{name: "a number too small to be a code", text: "TLS error: 404:Not Found"},
		{name: "a number too large", text: "TLS error: 99999999999:x"},
		{name: "not at the beginning", text: "x TLS_error:|" + verifyFailed},
		{name: "another failure", text: "delayed connect error: 111"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, ok := parseWords(tt.text)
			if ok != (tt.cause != 0 || tt.bare != "") || w.bare != tt.bare || len(w.errors) != tt.errors {
				t.Fatalf("%v, %+v", ok, w)
			}
			if tt.cause == 0 {
				return
			}
			l := w.library(event.Client, nil)
			if q := w.cause(); q.code != tt.cause || q.name(nil) != tt.says || l.VerifyText != tt.verify || l.VerifyDepth != tt.depth {
				t.Errorf("cause %d %q; library %+v", q.code, q.name(nil), l)
			}
			if want := tt.impliedSide; want != "" && w.impliedSide() != want {
				t.Errorf("on the side of the %s, want %s", w.impliedSide(), want)
			}
		})
	}
}

func TestCodes(t *testing.T) {
	spell := func(reason int) string { return map[int]string{247: "WRONG_VERSION_NUMBER"}[reason] }
	if got := (queued{code: 268435703}).name(spell); got != "WRONG_VERSION_NUMBER" {
		t.Errorf("268435703 is %q", got)
	}
	if got := (queued{code: 33554432 + 104}).errno(); got != "ECONNRESET" {
		t.Errorf("33554536 is %q", got)
	}
	w, _ := parseWords("TLS_error:|268436501:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED:TLS_error_end")
	if l := w.library(event.Client, nil); l.ErrorCode != 1045 {
		t.Errorf("a received alert 45 has the code %d", l.ErrorCode)
	}
}
