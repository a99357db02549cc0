package proxylog

import (
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// What Envoy puts before its findings about a certificate (DefaultCertValidator in
// source/common/tls/cert_validator/default_validator.cc; Utility::getX509VerificationErrorInfo). Compared without underscores.
const (
	verifyBegin = "verify cert failed: "
	depthBegin  = "X509 verify cert: certificate verification error at depth "
)

// verifyNames are the verify results by the text that BoringSSL has for them (X509_verify_cert_error_string in its x509_txt.cc).
// It is read only.
var verifyNames = map[string]string{
	"unable to get issuer certificate":                   "UNABLE_TO_GET_ISSUER_CERT",
	"unable to get certificate CRL":                      "UNABLE_TO_GET_CRL",
	"certificate signature failure":                      "CERT_SIGNATURE_FAILURE",
	"CRL signature failure":                              "CRL_SIGNATURE_FAILURE",
	"certificate is not yet valid":                       "CERT_NOT_YET_VALID",
	"certificate has expired":                            "CERT_HAS_EXPIRED",
	"CRL is not yet valid":                               "CRL_NOT_YET_VALID",
	"CRL has expired":                                    "CRL_HAS_EXPIRED",
	"format error in certificate's notBefore field":      "ERROR_IN_CERT_NOT_BEFORE_FIELD",
	"format error in certificate's notAfter field":       "ERROR_IN_CERT_NOT_AFTER_FIELD",
	"self signed certificate":                            "DEPTH_ZERO_SELF_SIGNED_CERT",
	"self-signed certificate":                            "DEPTH_ZERO_SELF_SIGNED_CERT",
	"self signed certificate in certificate chain":       "SELF_SIGNED_CERT_IN_CHAIN",
	"self-signed certificate in certificate chain":       "SELF_SIGNED_CERT_IN_CHAIN",
	"unable to get local issuer certificate":             "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
	"unable to verify the first certificate":             "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
	"certificate chain too long":                         "CERT_CHAIN_TOO_LONG",
	"certificate revoked":                                "CERT_REVOKED",
	"invalid CA certificate":                             "INVALID_CA",
	"path length constraint exceeded":                    "PATH_LENGTH_EXCEEDED",
	"unsupported certificate purpose":                    "INVALID_PURPOSE",
	"certificate not trusted":                            "CERT_UNTRUSTED",
	"certificate rejected":                               "CERT_REJECTED",
	"key usage does not include certificate signing":     "KEYUSAGE_NO_CERTSIGN",
	"unable to get CRL issuer certificate":               "UNABLE_TO_GET_CRL_ISSUER",
	"unhandled critical extension":                       "UNHANDLED_CRITICAL_EXTENSION",
	"permitted subtree violation":                        "PERMITTED_VIOLATION",
	"excluded subtree violation":                         "EXCLUDED_VIOLATION",
	"name constraints minimum and maximum not supported": "SUBTREE_MINMAX",
	"Hostname mismatch":                                  "HOSTNAME_MISMATCH",
	"Email address mismatch":                             "EMAIL_MISMATCH",
	"IP address mismatch":                                "IP_ADDRESS_MISMATCH",
	"Invalid or inconsistent certificate extension":      "INVALID_EXTENSION",
}

// envoyChecks are Envoy's own checks of a certificate that its library had found good, as its messages begin. It is read only.
var envoyChecks = []string{"SAN matcher", "verify SAN list", "cert hash and spki", "empty cert chain"}

// verify reads the detail that follows CERTIFICATE_VERIFY_FAILED.
func (w words) verify(l *event.Library) {
	text, ok := strings.CutPrefix(blanks(w.detail), verifyBegin)
	if !ok {
		return
	}
	if finding, ok := strings.CutPrefix(text, depthBegin); ok {
		digits := leadingDigits(finding)
		if depth, err := strconv.Atoi(digits); err == nil && depth <= maxDepth {
			l.VerifyDepth = depth
		}
		_, why, _ := strings.Cut(finding, ": ")
		if name, known := verifyNames[why]; known {
			l.VerifyText = "X509_V_ERR_" + name
		}
		return
	}
	for _, check := range envoyChecks {
		if strings.HasPrefix(text, check) {
			l.VerifyText = check
		}
	}
}

// maxDepth is more than any chain has (X509_V_ERR_CERT_CHAIN_TOO_LONG comes at 100).
const maxDepth = 100

// presented is the first name of the certificate that Envoy did not like, as its message lists them, or "".
func (w words) presented() string {
	for _, begin := range []string{"certificate SANs: [", "certificate SANs are [", "certificate_SANs:_[", "certificate_SANs_are_["} {
		if _, list, ok := strings.Cut(w.detail, begin); ok {
			list, _, _ = strings.Cut(list, "]")
			first, _, _ := strings.Cut(list, ",")
			return strings.TrimSpace(first)
		}
	}
	return ""
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
