// Package names spells what TLS libraries say in numbers: the reasons of their errors, and the results of verifying a
// certificate. The tables are generated from the libraries' own headers, one for each family. A number that no header
// knows stays a number.
package names

import (
	"fmt"
	"strings"

	"github.com/tlstrace/tlstrace/tracer/hello"
	"github.com/tlstrace/tlstrace/tracer/library"
)

//go:generate go run ./internal/headers -out tables.go internal/headers/openssl-1.1.1.txt internal/headers/openssl-3.0.txt internal/headers/openssl-3.5.txt internal/headers/openssl-3.6.txt internal/headers/boringssl-13.txt internal/headers/boringssl-14.txt internal/headers/gnutls-3.7.txt

// ReceivedAlert is what OpenSSL and BoringSSL add to the description of an alert that the peer sent, to make an error of it
// (SSL_AD_REASON_OFFSET). The codes of Go and GnuTLS, which have none of their own, follow suit.
const ReceivedAlert = 1000

// received goes before the name of an alert from the peer, for the families whose own word for it is a sentence.
const received = "received "

// Reason spells the reason of an error as its library's header does, without the prefix SSL_R_: "CERTIFICATE_VERIFY_FAILED",
// "TLSV1_ALERT_UNKNOWN_CA" for an alert that was received. Reasons that OpenSSL shares between all its libs keep their prefix:
// "ERR_R_INTERNAL_ERROR"; from 3.0 on their numbers have flags above bit 18 (ERR_RFLAGS_OFFSET), without which they would be
// mistaken for others.
//
// Go and GnuTLS number alerts: one that was sent is spelled as IANA does, "bad_certificate", and one that was received
// (1000 and its number) "received bad_certificate". The errors of GnuTLS itself are negative, and lose their prefix GNUTLS_E_.
//
// Where versions differ, which among the reasons of a handshake is only 294, the newest is right. An unknown number is "reason(1234)".
func Reason(family library.Family, code int) string {
	name := ""
	switch family {
	case library.OpenSSL:
		name = opensslReason(code)
	case library.BoringSSL:
		name = boringsslReason(code)
	case library.GnuTLS:
		if name = alert(code); code < 0 {
			name = gnutlsReason(code)
		}
	case library.Go:
		name = alert(code)
	}
	if name == "" {
		return fmt.Sprintf("reason(%d)", code)
	}
	return name
}

func alert(code int) string {
	switch {
	case code >= 0 && code <= 255:
		return hello.AlertName(uint8(code))
	case code >= ReceivedAlert && code <= ReceivedAlert+255:
		return received + hello.AlertName(uint8(code-ReceivedAlert))
	}
	return ""
}

// Verify spells the result of verifying a certificate, and says in the library's words what it means: X509_V_ERR_CERT_HAS_EXPIRED,
// "certificate has expired". OpenSSL numbers some of them anew in 3.0; a version that is not known is taken for newer. Zero, which
// is success, is "" twice. The result in GnuTLS is a set of bits: "GNUTLS_CERT_INVALID|GNUTLS_CERT_EXPIRED". If the family is not known (""), what all agree on is taken. An unknown number is "X509_V_ERR(1234)" without a text.
func Verify(family library.Family, version string, code int) (name, text string) {
	switch {
	case code == 0:
		return "", ""
	case family == library.BoringSSL:
		name, text = boringsslVerify(code)
	case family == library.OpenSSL && strings.HasPrefix(version, "1."):
		if name, text = openssl111Verify(code); name == "" {
			name, text = opensslVerify(code)
		}
	case family == library.OpenSSL:
		name, text = opensslVerify(code)
	case family == library.GnuTLS:
		return gnutlsBits(uint32(code))
	case family == "":
		name, text = commonVerify(code)
	}
	if name == "" {
		return fmt.Sprintf("X509_V_ERR(%d)", code), ""
	}
	return name, text
}

func commonVerify(code int) (name, text string) {
	name, text = opensslVerify(code)
	older, _ := openssl111Verify(code)
	if other, _ := boringsslVerify(code); other != name || older != "" {
		return "", ""
	}
	return name, text
}

// gnutlsBits spells every bit of a result.
func gnutlsBits(set uint32) (name, text string) {
	var names, texts []string
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if set&bit == 0 {
			continue
		}
		n, t := gnutlsVerify(int(bit))
		if n == "" {
			n, t = fmt.Sprintf("GNUTLS_CERT(%#x)", bit), "unknown"
		}
		names, texts = append(names, n), append(texts, t)
	}
	return strings.Join(names, "|"), strings.Join(texts, ", ")
}
