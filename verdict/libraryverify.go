package verdict

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// verifyPrefix begins the names of verify results in OpenSSL and BoringSSL.
const verifyPrefix = "X509_V_ERR_"

// gnutlsPrefix begins the names of the bits of a verify result in GnuTLS, which are joined by a bar.
const gnutlsPrefix = "GNUTLS_CERT_"

// goNotYetValid is Go's error for a certificate that is out of its time, when its text says that it is too early.
const goNotYetValid = "x509.CertificateInvalidError (not yet valid)"

// verifyReading is what the result of verifying a certificate says.
type verifyReading struct {
	reason event.Reason
	says   string // of "the certificate": completes "it ..."
}

// verifyTable holds the results that mean something in particular, by their names in OpenSSL and BoringSSL without the prefix, and by
// the types of Go's errors. It is read only.
var verifyTable = map[string]verifyReading{
	"CERT_HAS_EXPIRED":                  {event.CertificateExpired, "has expired"},
	"CERT_NOT_YET_VALID":                {event.CertificateNotYetValid, "is not valid yet"},
	"CERT_REVOKED":                      {event.CertificateRevoked, "was revoked"},
	"DEPTH_ZERO_SELF_SIGNED_CERT":       {event.SelfSigned, "is self-signed and not trusted"},
	"SELF_SIGNED_CERT_IN_CHAIN":         {event.UnknownCA, "is a root that is not trusted"},
	"UNABLE_TO_GET_ISSUER_CERT":         {event.UnknownCA, "has an issuer that was not found"},
	"UNABLE_TO_GET_ISSUER_CERT_LOCALLY": {event.UnknownCA, "has an issuer that is not in the trust store"},
	"UNABLE_TO_VERIFY_LEAF_SIGNATURE":   {event.UnknownCA, "came alone and its issuer is not known"},
	"CERT_UNTRUSTED":                    {event.UnknownCA, "has a root that is not trusted for this purpose"},
	"UNSPECIFIED":                       {"", "did not pass a check of the program's own that gave no reason"},
	"HOSTNAME_MISMATCH":                 {event.NameMismatch, "is for another host name"},
	"EMAIL_MISMATCH":                    {event.NameMismatch, "is for another email address"},
	"IP_ADDRESS_MISMATCH":               {event.NameMismatch, "is for another IP address"},
	"CERT_SIGNATURE_FAILURE":            {event.BadCertificate, "has a signature that its issuer's key did not make"},
	"INVALID_PURPOSE":                   {event.BadCertificate, "is for another purpose"},
	"INVALID_CA":                        {event.BadCertificate, "was issued by a certificate that is no authority's"},
	"CERT_CHAIN_TOO_LONG":               {event.BadCertificate, "has a chain that is too long"},
	"PATH_LENGTH_EXCEEDED":              {event.BadCertificate, "has a chain longer than its authority allows"},
	"CERT_REJECTED":                     {event.BadCertificate, "is marked as rejected"},
	"CRL_HAS_EXPIRED":                   {event.BadCertificate, "cannot be checked: the revocation list is out of date"},
	"UNABLE_TO_GET_CRL":                 {event.BadCertificate, "cannot be checked: there is no revocation list"},
	"EE_KEY_TOO_SMALL":                  {event.BadCertificate, "has a key that is too small"},
	"CA_KEY_TOO_SMALL":                  {event.BadCertificate, "has an issuer whose key is too small"},
	"CA_MD_TOO_WEAK":                    {event.BadCertificate, "is signed with too weak a digest"},

	gnutlsPrefix + "REVOKED":                 {event.CertificateRevoked, "was revoked"},
	gnutlsPrefix + "SIGNER_NOT_FOUND":        {event.UnknownCA, "has an issuer that is not trusted"},
	gnutlsPrefix + "SIGNER_NOT_CA":           {event.BadCertificate, "was issued by a certificate that is no authority's"},
	gnutlsPrefix + "EXPIRED":                 {event.CertificateExpired, "has expired"},
	gnutlsPrefix + "NOT_ACTIVATED":           {event.CertificateNotYetValid, "is not valid yet"},
	gnutlsPrefix + "UNEXPECTED_OWNER":        {event.NameMismatch, "is for another name"},
	gnutlsPrefix + "PURPOSE_MISMATCH":        {event.BadCertificate, "is for another purpose"},
	gnutlsPrefix + "INSECURE_ALGORITHM":      {event.BadCertificate, "is signed with too weak an algorithm"},
	gnutlsPrefix + "SIGNATURE_FAILURE":       {event.BadCertificate, "has a signature that its issuer's key did not make"},
	gnutlsPrefix + "MISSING_OCSP_STATUS":     {event.BadCertificate, "must come with an OCSP response, and came without"},
	gnutlsPrefix + "INVALID_OCSP_STATUS":     {event.BadCertificate, "came with an OCSP response that is not valid"},
	gnutlsPrefix + "UNKNOWN_CRIT_EXTENSIONS": {event.BadCertificate, "has a critical extension that is not understood"},

	"x509.UnknownAuthorityError":      {event.UnknownCA, "has an issuer that is not trusted"},
	"x509.SystemRootsError":           {event.UnknownCA, "cannot be checked: no trusted roots were found"},
	"x509.HostnameError":              {event.NameMismatch, "is for another name"},
	"x509.CertificateInvalidError":    {event.BadCertificate, "is not valid"},
	goNotYetValid:                     {event.CertificateNotYetValid, "is not valid yet"},
	"x509.InsecureAlgorithmError":     {event.BadCertificate, "is signed with too weak an algorithm"},
	"x509.ConstraintViolationError":   {event.BadCertificate, "breaks a constraint of its authority"},
	"x509.UnhandledCriticalExtension": {event.BadCertificate, "has a critical extension that is not understood"},
}

// gnutlsOrder is which bit counts of several: what has to be mended first. A bit that is not here means that something else is wrong, too.
var gnutlsOrder = []string{
	"REVOKED", "SIGNER_NOT_FOUND", "SIGNER_NOT_CA", "EXPIRED", "NOT_ACTIVATED", "UNEXPECTED_OWNER", "PURPOSE_MISMATCH",
	"INSECURE_ALGORITHM", "SIGNATURE_FAILURE", "MISSING_OCSP_STATUS", "INVALID_OCSP_STATUS", "UNKNOWN_CRIT_EXTENSIONS",
}

// gnutlsBit returns the bit that counts of a result of GnuTLS, and any other result as it is.
func gnutlsBit(text string) string {
	bits := strings.Split(text, "|")
	for _, name := range gnutlsOrder {
		if slices.Contains(bits, gnutlsPrefix+name) {
			return gnutlsPrefix + name
		}
	}
	return text
}

// goInvalid are the values of x509.InvalidReason that have a reason of their own.
const (
	goInvalidExpired = 1
	goInvalidName    = 5
)

// judged says that the library verified a certificate and did not like it.
func judged(l *event.Library) bool {
	return l.VerifyCode != 0 || l.VerifyText != "" && l.VerifyText != "X509_V_OK"
}

// verifyResult reads why a certificate was refused, or false if the library did not say.
func verifyResult(l *event.Library) (verifyReading, bool) {
	if !judged(l) {
		return verifyReading{}, false
	}
	name, prefixed := strings.CutPrefix(gnutlsBit(l.VerifyText), verifyPrefix)
	if l.VerifyText == "x509.CertificateInvalidError" {
		switch l.VerifyCode {
		case goInvalidExpired:
			return verifyReading{event.CertificateExpired, "has expired"}, true
		case goInvalidName:
			return verifyReading{event.NameMismatch, "is for another name"}, true
		}
	}
	if v, known := verifyTable[name]; known {
		return v, true
	}
	if says := strings.ToLower(strings.ReplaceAll(name, "_", " ")); prefixed && isMacro(name) {
		return verifyReading{event.BadCertificate, "did not verify: " + says}, true
	}
	return verifyReading{says: "did not verify, with result " + strconv.Itoa(l.VerifyCode)}, true
}

// isMacro: capitals, digits and underscores, not many.
func isMacro(name string) bool {
	outside := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' }
	return name != "" && len(name) <= maxWord && !strings.ContainsFunc(name, outside)
}

// refusal reads a library that refused the peer's certificate; said is its error or its alert, if there was one.
func (c *connection) refusal(said string) testimony {
	l := c.Library
	v, told := verifyResult(l)
	f := finding{
		outcome: event.Failed, reason: v.reason, phase: certificatePhase(l.Side), gaveUp: l.Side, lookAt: l.Side.Peer(),
		confidence: event.Exact,
		summary:    "The " + string(l.Side) + " refused the " + string(l.Side.Peer()) + "'s certificate",
	}
	if told {
		f.summary += ": " + v.subject(l.VerifyDepth) + v.says
	}
	f.summary += source(l, said) + "."
	switch {
	case l.Side == event.Server:
		f.hint = "It is the client's certificate, judged by the server against the certificate authorities that the server trusts."
	case f.reason == event.NameMismatch:
		f.hint = c.askedName()
	}
	if f.reason == "" {
		f.reason = certificateRejected(l.Side)
	}
	return testimony{finding: f, side: l.Side, word: said}
}

// source shows the name of the verify result if it is one, else what was said.
func source(l *event.Library, said string) string {
	result := gnutlsBit(l.VerifyText)
	if _, known := verifyTable[strings.TrimPrefix(result, verifyPrefix)]; known || isMacro(result) {
		said = result
	}
	if said == "" {
		return ""
	}
	return " (" + said + ")"
}

func certificateRejected(judge event.Side) event.Reason {
	if judge == event.Server {
		return event.ClientCertificateRejected
	}
	return event.ServerCertificateRejected
}

// subject is the certificate that the result is about: depth 0 is the peer's own, 1 its issuer's.
func (v verifyReading) subject(depth int) string {
	if depth > 0 {
		return "the certificate at depth " + strconv.Itoa(depth) + " of its chain "
	}
	return "it "
}
